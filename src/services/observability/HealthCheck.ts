/**
 * The health of the pool and of the way to its database, looked at on a schedule and kept for whoever asks.
 *
 * Asking costs nothing and touches nothing: a probe of a platform reads what is known already. The look itself takes a
 * session only when one is idle; when all are lent, what is heard on those is the answer.
 */
import * as Cause from "effect/Cause"
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
import { healthAfter, isSaturated } from "./health/Decision.ts"
import { afterCheck, afterEvent, noFindings } from "./health/HealthEvidence.ts"
import { type Health, isReady, startingHealth, causeWords, type HealthState } from "./health/Health.ts"
import { checkOnce } from "./health/Probe.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import type { PoolEvent } from "../pool/Events.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import { sentence, wordMillis } from "../errors/Wording.ts"

/** What makes a new line: the state and what limits it. A reason that varies while the pool is down is the pool's news. */
const turn = (state: HealthState): string => (state._tag === "Degraded" ? state.causes.join("/") : state._tag)

const lineOf = ({ latencyMillis, state }: Health): Effect.Effect<void> => {
  switch (state._tag) {
    case "Starting":
      return Effect.logInfo("Health: starting.")
    case "Up":
      return Effect.logInfo(
        latencyMillis === undefined ? "Health: up." : `Health: up, last answer in ${wordMillis(latencyMillis)}.`
      )
    case "Degraded":
      return Effect.logWarning(`Health: degraded: ${state.causes.map((cause) => causeWords[cause]).join("; ")}.`)
    case "Down":
      return Effect.annotateLogs(
        Effect.logWarning(`Health: down: ${sentence(state.reason.message)} ${sentence(state.reason.remedy)}`),
        { code: state.reason.code }
      )
    case "Draining":
      return Effect.logInfo("Health: draining.")
  }
}

/** Says what the health has turned to, if it has turned. */
export const announce = (before: Health, after: Health): Effect.Effect<void> =>
  turn(before.state) === turn(after.state) ? Effect.void : lineOf(after)

/** Every pause between checks is up to a tenth shorter or longer, so that many processes do not check in step. */
const JITTER = 0.1

/** Between checks while the pool is down, in milliseconds: its recovery must not wait for the interval. */
const RECHECK_MILLIS = 5000

/** Knows the health. */
export class HealthCheck extends Context.Service<
  HealthCheck,
  {
    /** The health as it is known: from memory, without asking anybody. */
    readonly current: Effect.Effect<Health>
    /** The health as it is known, then each one that differs from the one before. Does not end by itself. */
    readonly changes: Stream.Stream<Health>
  }
>()("effect-supavisor/HealthCheck") {
  /**
   * Checks right after the first session and then every health check interval (default 30 s, jittered), until the
   * scope closes. What the pool tells meanwhile (a drain, lost sessions, failed dials) counts at once.
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
  let findings = noFindings
  let lastCheck = Number.NEGATIVE_INFINITY

  const publish = Effect.gen(function* () {
    const turn = yield* SubscriptionRef.modifySomeEffect(health, (before) =>
      Effect.map(pool.snapshot, (snapshot) => {
        const after = healthAfter(before, findings, snapshot, clock.currentTimeMillisUnsafe())
        const news = JSON.stringify(after) === JSON.stringify(before) ? Option.none() : Option.some(after)
        return [{ after, before, open: snapshot.open }, news]
      })
    )
    yield* announce(turn.before, turn.after)
    // Nobody may want a session of a pool that is down: then only the pool itself can find out that it is over.
    if (turn.after.state._tag === "Down" && turn.open === 0) yield* pool.validateAll
  })

  const check = Effect.gen(function* () {
    const began = now()
    const outcome = yield* checkOnce(pool, now, began - lastCheck)
    lastCheck = began
    const saturated = isSaturated(yield* pool.snapshot)
    findings = afterCheck(findings, outcome, saturated, clock.currentTimeMillisUnsafe())
    yield* publish
  })

  const pause = Effect.suspend(() => {
    const known = SubscriptionRef.getUnsafe(health)
    // The session that a check was wanted for may have been there for the check that has just ended.
    if (isReady(known)) Queue.takeUnsafe(wake)
    const isDown = known.state._tag === "Down"
    const usual = isDown ? Math.min(interval, RECHECK_MILLIS) : interval
    const millis = usual * (1 - JITTER + 2 * JITTER * random.nextDoubleUnsafe())
    return Effect.raceFirst(Effect.sleep(millis), Queue.take(wake))
  })

  const hear = (event: PoolEvent) =>
    Effect.suspend(() => {
      findings = afterEvent(findings, event, (text) => redact(text, secrets))
      if (event._tag === "SessionOpened" && !isReady(SubscriptionRef.getUnsafe(health)))
        Queue.offerUnsafe(wake, undefined)
      return publish
    })

  const guarded = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void> =>
    Effect.catchCause(Effect.asVoid(effect), (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause as Cause.Cause<never>)
        : Effect.logError("A health check failed in an unexpected way.", cause)
    )

  const annotated = Effect.annotateLogs({ pool: pool.name })
  yield* annotated(publish)
  yield* Effect.forkScoped(annotated(Stream.runForEach(pool.events, (event) => guarded(hear(event)))))
  yield* Effect.forkScoped(
    annotated(Effect.repeat(Effect.andThen(guarded(check), pause), { until: () => findings.draining })),
    { startImmediately: true }
  )
  yield* Effect.addFinalizer(() => {
    findings = { ...findings, draining: true }
    return annotated(guarded(publish))
  })
  return { current: SubscriptionRef.get(health), changes: SubscriptionRef.changes(health) }
})
