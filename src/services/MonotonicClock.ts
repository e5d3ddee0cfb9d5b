/** Time that never jumps, for deadlines and ages: a wall clock that is set must not expire a thousand waiters. */
import * as Clock from "effect/Clock"

const NANOS_PER_MILLI = 1e6

/**
 * Milliseconds of a monotonic clock, as a plain function for the hot path. The live clock is read through
 * `performance.now` (a `bigint` of nanoseconds per query would be allocated for nothing); any other clock, a test's
 * for one, is asked itself.
 */
export const monotonicMillis = (clock: Clock.Clock): (() => number) =>
  clock === Clock.Clock.defaultValue()
    ? () => performance.now()
    : () => Number(clock.monotonicTimeNanosUnsafe()) / NANOS_PER_MILLI
