/** Runs the program's effect and ends the process with its exit code. */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import type { Signals } from "./Signals.ts"

/**
 * 0 for success, and after a signal, because a completed drain is no crash (Effect's own runner exits with 130); any
 * other failure is printed to stderr.
 */
const exitCodeOf = async (exit: Exit.Exit<unknown, unknown>, signals: Signals): Promise<number> => {
  if (Exit.isSuccess(exit)) return 0
  if (signals.requested !== undefined && Cause.hasInterruptsOnly(exit.cause)) return 0
  // loaded only for a failure: it imports the whole error catalogue
  const { reportOf } = await import("./FailureReport.ts")
  const { exitCode, text } = reportOf(exit.cause)
  if (text !== undefined) console.error(text)
  return exitCode
}

/** Runs an effect as the program: the first signal interrupts it, and its finalizers run to their end. */
export const runProgram = (program: Effect.Effect<unknown, unknown>, signals: Signals): void => {
  // Output is dropped when the terminal or the reader has closed, so that the drain is not interrupted.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  const runMain = Runtime.makeRunMain(({ fiber, teardown }) => {
    signals.handOver(() => fiber.interruptUnsafe(fiber.id))
    fiber.addObserver((exit) => {
      teardown(exit, (code) => {
        process.exitCode = code
        // oxlint-disable-next-line unicorn/no-process-exit -- all scopes are closed; remaining handles must not delay the end
        if (signals.requested !== undefined || code !== 0) process.exit(code)
      })
    })
  })
  runMain(program, {
    disableErrorReporting: true,
    teardown: (exit, onExit) => void exitCodeOf(exit, signals).then(onExit)
  })
}
