/** Runs the program's effect to its end, and ends the process with the code that says how it went. */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import type { Signals } from "./Signals.ts"

/**
 * The exit code: 0 for success and for an end that a signal asked for; everything else is reported on stderr.
 *
 * Effect's own runner exits with 130 for every signal, but a drain that was asked for and went well is a success:
 * a supervisor must not take it for a crash.
 */
const exitCodeOf = async (exit: Exit.Exit<unknown, unknown>, signals: Signals): Promise<number> => {
  if (Exit.isSuccess(exit)) return 0
  if (signals.requested !== undefined && Cause.hasInterruptsOnly(exit.cause)) return 0
  // loaded when there is something to report: it knows every error there is, and `--help` needs none of them
  const { reportOf } = await import("./FailureReport.ts")
  const { exitCode, text } = reportOf(exit.cause)
  if (text !== undefined) console.error(text)
  return exitCode
}

/** A closed terminal or a reader that left must not end the program in the middle of its drain: lines are dropped. */
const outliveReaders = (): void => {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
}

/** Runs an effect as the program: the first signal interrupts it, and its finalizers are waited for. */
export const runProgram = (program: Effect.Effect<unknown, unknown>, signals: Signals): void => {
  outliveReaders()
  const runMain = Runtime.makeRunMain(({ fiber, teardown }) => {
    signals.handOver(() => fiber.interruptUnsafe(fiber.id))
    fiber.addObserver((exit) => {
      teardown(exit, (code) => {
        process.exitCode = code
        // oxlint-disable-next-line unicorn/no-process-exit -- all scopes are closed; what is left must not delay the end
        if (signals.requested !== undefined || code !== 0) process.exit(code)
      })
    })
  })
  runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => void exitCodeOf(exit, signals).then(onExit)
  })
}
