/** The machine's clock, and monotonic time for deadlines and ages: a wall clock that is set must not expire waiters. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NANOS_PER_MILLI } from "../errors/Units.ts"

/** The clock of every fiber whose program provides no other one. */
export const machineClock: Clock.Clock = Context.get(Context.empty(), Clock.Clock)

/**
 * Runs an effect on the machine's clock, whatever clock its caller has: a socket or a process does not wait for a
 * `TestClock`.
 */
export const onMachineClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, machineClock)

/** Has a layer built, and what it forks run, on the machine's clock. */
export const machineClockLayer: Layer.Layer<never> = Layer.succeed(Clock.Clock, machineClock)

/**
 * Milliseconds of a monotonic clock, as a plain function for the hot path. The machine's clock is read through
 * `performance.now`, which allocates no `bigint`; any other clock, such as a `TestClock`, through its own method.
 */
export const monotonicMillis = (clock: Clock.Clock): (() => number) =>
  clock === machineClock ? () => performance.now() : () => Number(clock.monotonicTimeNanosUnsafe()) / NANOS_PER_MILLI
