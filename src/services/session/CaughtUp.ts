/** Time for a process that stood still to read what has come meanwhile. */
import * as Effect from "effect/Effect"

/**
 * Ends when the event loop has read its sockets and has handed on what it read.
 *
 * After a stall Node runs the timers that are due before it looks at any socket (Node.js docs, "The Node.js Event
 * Loop"), so a deadline would pass although the answer is there. Two turns: one reads, one wakes who waits for it.
 */
export const caughtUp: Effect.Effect<void> = Effect.callback<void>((resume) => {
  let turn = setImmediate(() => {
    turn = setImmediate(() => resume(Effect.void))
  })
  return Effect.sync(() => clearImmediate(turn))
})
