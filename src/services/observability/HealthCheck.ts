/**
 * The health of the pool and of the connection to its database, checked on a schedule.
 *
 * Reading the health costs nothing and touches no session, so a platform may probe it at any rate. A check
 * uses a session only when one is idle; while all are leased, the traffic on them is the evidence.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { redact, secretsOf } from "../config/ConnectionString.ts"
import { afterCheck, afterEvent, noEvidence, healthAfter, isSaturated } from "./health/HealthEvidence.ts"
import { type Health, isReady, startingHealth, stateKey, stateText } from "./health/Health.ts"
import { checkOnce } from "./health/Probe.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import type { PoolEvent } from "../pool/Events.ts"
import { guarded, logRoutine } from "./RoutineLog.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import { wordMillis } from "../errors/Wording.ts"

const logFailure = guarded("A health check failed unexpectedly.")

const logHealth = (before: Health, health: Health): Effect.Effect<void> => {
  const { latencyMillis, state } = health
  switch (state._tag) {
    case "Degraded":
      return Effect.logWarning(stateText(health))
    case "Down":
      return Effect.annotateLogs(Effect.logWarning(stateText(health)), { code: state.reason.code })
    default: {
      const isProbed = state._tag === "Up" && latencyMillis !== undefined
      const wasHealthy = before.state._tag !== "Degraded" && before.state._tag !== "Down"
      const log = wasHealthy ? logRoutine : Effect.logInfo
      return log(isProbed ? `Health: up, last probe took ${wordMillis(latencyMillis)}.` : stateText(health))
    }
  }
}

const logChange = (before: Health, after: Health): Effect.Effect<void> =>
  stateKey(before) === stateKey(after) ? Effect.void : logHealth(before, after)

/** Each pause between checks is up to a tenth shorter or longer, so that many processes do not check in step. */
const JITTER = 0.1

/** Milliseconds between checks while the pool is down, so that recovery is seen before the interval ends. */
const RECHECK_MILLIS = 5000

/** Checks the health of the pool. */
export class HealthCheck extends Context.Service<
  HealthCheck,
  {
    /** The health as of the last check or event, from memory. */
    readonly current: Effect.Effect<Health>
    /** The current health, then every change. Does not end by itself. */
    readonly changes: Stream.Stream<Health>
  }
>()("effect-supavisor/HealthCheck") {
  /**
   * Checks right after the first session opens and then every health check interval (default 30 s, jittered), until the
   * scope closes. Pool events in between (a drain, lost sessions, failed dials) count at once.
   */
  static readonly layer: Layer.Layer<HealthCheck, never, SessionPool | SessionConfig> = Layer.effect(
    HealthCheck,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const pool = yield* SessionPool
  const config = yield* SessionConfig
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const now = monotonicMillis(clock)
  const interval = Duration.toMillis(config.healthCheckInterval)
  const secrets = config.connection === undefined ? [] : secretsOf(config.connection)
  const health = yield* SubscriptionRef.make(startingHealth(clock.currentTimeMillisUnsafe()))
  const wake = yield* Queue.sliding<void>(1)
  let evidence = noEvidence
  let lastCheck = Number.NEGATIVE_INFINITY

  const publish = Effect.gen(function* () {
    const change = yield* SubscriptionRef.modifySomeEffect(health, (before) =>
      Effect.map(pool.snapshot, (snapshot) => {
        const after = healthAfter(before, evidence, snapshot, clock.currentTimeMillisUnsafe())
        const update = JSON.stringify(after) === JSON.stringify(before) ? Option.none() : Option.some(after)
        return [{ after, before, open: snapshot.open }, update]
      })
    )
    yield* logChange(change.before, change.after)
    // Without callers, only a dial of the pool itself can find out that the outage is over.
    if (change.after.state._tag === "Down" && change.open === 0) yield* pool.validateAll
  })

  const check = Effect.gen(function* () {
    const began = now()
    const outcome = yield* checkOnce(pool, now, began - lastCheck)
    lastCheck = began
    const saturated = isSaturated(yield* pool.snapshot)
    evidence = afterCheck(evidence, outcome, saturated, clock.currentTimeMillisUnsafe())
    yield* publish
  })

  const pause = Effect.suspend(() => {
    const current = SubscriptionRef.getUnsafe(health)
    // The check that has just ended may have used the session that requested another check.
    if (isReady(current)) Queue.takeUnsafe(wake)
    const isDown = current.state._tag === "Down"
    const base = isDown ? Math.min(interval, RECHECK_MILLIS) : interval
    const millis = base * (1 - JITTER + 2 * JITTER * random.nextDoubleUnsafe())
    return Effect.raceFirst(Effect.sleep(millis), Queue.take(wake))
  })

  const onEvent = (event: PoolEvent) =>
    Effect.suspend(() => {
      evidence = afterEvent(evidence, event, (text) => redact(text, secrets))
      if (event._tag === "SessionOpened" && !isReady(SubscriptionRef.getUnsafe(health)))
        Queue.offerUnsafe(wake, undefined)
      return publish
    })

  const annotated = Effect.annotateLogs({ pool: pool.name })
  yield* annotated(publish)
  yield* Effect.forkScoped(annotated(Stream.runForEach(pool.events, (event) => logFailure(onEvent(event)))))
  yield* Effect.forkScoped(
    annotated(Effect.repeat(Effect.andThen(logFailure(check), pause), { until: () => evidence.draining })),
    { startImmediately: true }
  )
  yield* Effect.addFinalizer(() => {
    evidence = { ...evidence, draining: true }
    return annotated(logFailure(publish))
  })
  return { current: SubscriptionRef.get(health), changes: SubscriptionRef.changes(health) }
})
