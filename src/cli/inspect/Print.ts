/** Prints an answer and waits until the reader has it. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Ends when everything written so far is out, also when the reader is gone; a signal interrupts it. */
const flushed: Effect.Effect<void> = Effect.callback<void>((resume) => {
  process.stdout.write("", () => resume(Effect.void))
})

/**
 * Prints on stdout. A program that fails afterwards ends at once, and what a pipe has not taken by then (64 KiB on
 * Linux) would be lost. A reader that takes its time, such as a pager, is waited for without a bound.
 */
export const print = (text: string): Effect.Effect<void> => Effect.andThen(Console.log(text), flushed)
