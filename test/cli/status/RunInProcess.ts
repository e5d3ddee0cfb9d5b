/** Runs a command in this process, with its own environment. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as TestConsole from "effect/testing/TestConsole"
import { reportOf } from "../../../src/cli/FailureReport.ts"

export interface CommandOutput {
  readonly exitCode: number
  /** The output to stdout, and to stderr with the report of a failure. */
  readonly out: string
  readonly err: string
}

/** Runs the effect of a command as the program does, in real time. */
export const runCommand = <E>(
  command: Effect.Effect<unknown, E, Scope.Scope>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<CommandOutput> =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(command)
    const report = Exit.isSuccess(exit) ? { exitCode: 0, text: undefined } : reportOf(exit.cause)
    const err = [...(yield* TestConsole.errorLines), ...(report.text === undefined ? [] : [report.text])]
    return { exitCode: report.exitCode, out: (yield* TestConsole.logLines).join("\n"), err: err.join("\n") }
  }).pipe(
    Effect.scoped,
    Effect.provide(TestConsole.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )
