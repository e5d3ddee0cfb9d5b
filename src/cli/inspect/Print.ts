/** Prints to stdout and waits until the text is written. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

/** Completes when everything so far is written, or the reader has closed the pipe. */
const flushed: Effect.Effect<void> = Effect.callback<void>((resume) => {
  process.stdout.write("", () => resume(Effect.void))
})

/**
 * Prints to stdout and waits, without a time limit, for a slow reader such as a pager. When the program fails afterwards,
 * it exits at once, and text that the pipe has not taken (above 64 KiB on Linux) would be lost.
 */
export const print = (text: string): Effect.Effect<void> => Effect.andThen(Console.log(text), flushed)
