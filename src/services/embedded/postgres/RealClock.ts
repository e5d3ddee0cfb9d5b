/** Real time for waits on real processes, also in a test whose clock stands still. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const realClock = Clock.Clock.defaultValue()

/** Runs an effect on the machine's clock, whatever clock the caller has: a process does not wait for a TestClock. */
export const onRealClock = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Clock.Clock, realClock)
