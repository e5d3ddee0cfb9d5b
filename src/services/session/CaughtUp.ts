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

/** A timer that fires later than this was held up by a process that stood still, not by a busy machine. */
const LATE_MILLIS = 50

/**
 * Ends when so much time has passed in which the process could listen. One that stood still meanwhile is given the time
 * once more: what it wanted to send may have left only after the stall.
 */
export const listeningFor = (millis: number, now: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const began = now()
    return Effect.andThen(
      Effect.sleep(millis),
      Effect.suspend(() => (now() - began > millis + LATE_MILLIS ? Effect.sleep(millis) : caughtUp))
    )
  })
