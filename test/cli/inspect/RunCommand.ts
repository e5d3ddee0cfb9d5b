/** Runs a command line in this process; returns its output and exit code. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Terminal from "effect/Terminal"
import { reportOf } from "../../../src/cli/FailureReport.ts"
import { inspect } from "../../../src/cli/inspect/InspectCommand.ts"
import { size } from "../../../src/cli/size/SizeCommand.ts"
import * as Usage from "../../../src/cli/Usage.ts"

export interface CommandOutput {
  readonly out: string
  /** stderr, and the message of the failure. */
  readonly err: string
  readonly exitCode: number
}

/** A terminal of so many columns; 0 is a pipe. */
const terminal = (columns: number) =>
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: Effect.succeed(columns),
      rows: Effect.succeed(24),
      size: Effect.die("unexpected call"),
      readInput: Effect.die("unexpected call"),
      readLine: Effect.die("unexpected call"),
      display: () => Effect.void
    })
  )

const program = Command.make("effect-supavisor").pipe(Command.withSubcommands([inspect, size]))

export const runCommand = (
  args: ReadonlyArray<string>,
  options: { readonly env?: Record<string, string>; readonly columns?: number } = {}
): Effect.Effect<CommandOutput> =>
  Effect.gen(function* () {
    const out: Array<string> = []
    const err: Array<string> = []
    const console: Console.Console = {
      ...globalThis.console,
      log: (...texts: ReadonlyArray<unknown>) => void out.push(texts.join(" ")),
      error: (...texts: ReadonlyArray<unknown>) => void err.push(texts.join(" "))
    }
    const exit = yield* Command.runWith(program, { version: "0" })(args).pipe(
      Effect.provide([
        Usage.layer,
        terminal(options.columns ?? 0).pipe(Layer.provideMerge(NodeServices.layer)),
        ConfigProvider.layer(ConfigProvider.fromEnv({ env: options.env ?? {} }))
      ]),
      Effect.provideService(Console.Console, console),
      Effect.exit
    )
    const failure = Exit.isSuccess(exit) ? { exitCode: 0, text: undefined } : reportOf(exit.cause)
    if (failure.text !== undefined) err.push(failure.text)
    return { out: out.join("\n"), err: err.join("\n"), exitCode: failure.exitCode }
  })
