/** The drain: reject new callers, let leases finish, cancel, send Terminate, all within the shutdown timeout. */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { SessionError } from "../errors/SessionError.ts"
import type { PoolRuntime } from "./PoolRuntime.ts"

/** Share of the shutdown timeout in which leases may finish. */
const FINISH_SHARE = 0.75

/** Share for cancelling what still runs and for its callers to see the error; the rest is for Terminate. */
const CANCEL_SHARE = 0.15

/** An effect that drains once, however often it runs; every run waits for the same end. */
export const drainPool = (runtime: PoolRuntime): Effect.Effect<Effect.Effect<void>> =>
  Effect.gen(function* () {
    const { core } = runtime
    const started = runtime.now()
    runtime.times.drainBegan = started
    const budget = Duration.toMillis(runtime.config.shutdownTimeout)
    runtime.publish({ _tag: "Draining", used: core.used, waiting: runtime.snapshot().waiting })
    core.drain()
    for (const fiber of runtime.dialFibers.values()) fiber.interruptUnsafe()

    yield* waitUntil(runtime, () => core.used === 0, budget * FINISH_SHARE)
    const inUse = () => Array.from(core.slots).filter(({ state }) => state === "used" || state === "recovering")
    const late = inUse()
    runtime.times.drainCancelled = late.length
    if (late.length > 0) {
      for (const slot of late) Effect.runForkWith(runtime.context)(slot.session.cancel)
      yield* waitUntil(runtime, () => core.used === 0, budget * CANCEL_SHARE)
      for (const slot of inUse()) slot.session.kill(SessionError.poolClosed({ draining: true }))
    }
    yield* waitUntil(runtime, () => core.total === 0, Math.max(0, budget - (runtime.now() - started)))
    for (const slot of Array.from(core.slots)) slot.session.kill(SessionError.poolClosed({ draining: false }))
    core.phase = "closed"
    runtime.times.drainEnded = runtime.now()
    runtime.stop()
    runtime.publish({ _tag: "Drained", elapsedMillis: runtime.now() - started, cancelled: late.length })
  }).pipe(Effect.uninterruptible, Effect.provideService(Clock.Clock, runtime.clock), Effect.cached)

/** Waits until the condition, checked after every step of the pool, holds, or until the time is up. */
const waitUntil = (runtime: PoolRuntime, condition: () => boolean, millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (condition()) return Effect.void
    const reached = Deferred.makeUnsafe<void>()
    runtime.onStep = () => {
      if (condition()) Deferred.doneUnsafe(reached, Effect.void)
    }
    return Effect.asVoid(Effect.timeoutOption(Effect.interruptible(Deferred.await(reached)), millis))
  })
