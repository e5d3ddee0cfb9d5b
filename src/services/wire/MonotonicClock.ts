/** Time that never jumps, for deadlines and ages: a wall clock that is set must not expire a thousand waiters. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { NANOS_PER_MILLI } from "../errors/Units.ts"

/** The clock of every program that brings none of its own. */
const live = Context.get(Context.empty(), Clock.Clock)

/**
 * Milliseconds of a monotonic clock, as a plain function for the hot path. The live clock is read through
 * `performance.now` (a `bigint` of nanoseconds per query would be allocated for nothing); any other clock, a test's
 * for one, is asked itself.
 */
export const monotonicMillis = (clock: Clock.Clock): (() => number) =>
  clock === live ? () => performance.now() : () => Number(clock.monotonicTimeNanosUnsafe()) / NANOS_PER_MILLI
