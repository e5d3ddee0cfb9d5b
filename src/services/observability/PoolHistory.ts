/**
 * What the pool did in the last fifteen minutes, and what happened last: what a person wants to see who opens a page
 * after the fact.
 *
 * The pool is looked at every two seconds; what happened between two looks is the difference of counters and
 * histograms that are kept anyway, so a query costs nothing for it.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { changesBetween } from "./advice/Advise.ts"
import type { Finding } from "./advice/Finding.ts"
import { Advisor } from "./Advisor.ts"
import { redact } from "../config/ConnectionString.ts"
import type { Health } from "./health/Health.ts"
import { HealthCheck } from "./HealthCheck.ts"
import { type Measure, measureOf, type Step, stepBetween } from "./history/Measure.ts"
import { type Point, STEP_MILLIS, WINDOW_MILLIS } from "./history/Point.ts"
import { ProcessLook, type ProcessView } from "./history/ProcessUsage.ts"
import {
  EVENTS_KEPT,
  findingBegun,
  findingOver,
  healthEvent,
  poolEvent,
  type ShownEvent
} from "./history/ShownEvent.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { secretsOfSettings } from "../config/settings/Secrets.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"

/** The last so many of a sequence. */
export class Ring<A> {
  private readonly capacity: number
  private items: Array<A> = []

  constructor(capacity: number) {
    this.capacity = capacity
  }

  push(item: A): void {
    if (this.items.length >= this.capacity) this.items.shift()
    this.items.push(item)
  }

  get oldest(): A | undefined {
    return this.items[0]
  }

  get newest(): A | undefined {
    return this.items.at(-1)
  }

  /** A copy, oldest first. */
  toArray(): ReadonlyArray<A> {
    return this.items.slice()
  }
}

export { type Point, STEP_MILLIS, WINDOW_MILLIS } from "./history/Point.ts"

export type { ProcessView } from "./history/ProcessUsage.ts"

export type { EventLevel, ShownEvent } from "./history/ShownEvent.ts"

/** How far `recent` looks back, in milliseconds: long enough for a p99, short enough to be about now. */
const RECENT_MILLIS = 60_000

/** What is remembered. */
export interface Past {
  /** One for every two seconds, oldest first, fifteen minutes at most. */
  readonly points: ReadonlyArray<Point>
  /** The last fifty of pool, health and advice, oldest first. */
  readonly events: ReadonlyArray<ShownEvent>
}

/** Something new in the history. */
export type News =
  | { readonly _tag: "Point"; readonly point: Point }
  | { readonly _tag: "Event"; readonly event: ShownEvent }

/** The pool's recent past. */
export class PoolHistory extends Context.Service<
  PoolHistory,
  {
    /** What there is, as a plain function: whoever begins to listen can read it in the same step. */
    readonly past: () => Past
    /** What happened in the last minute, up to now. */
    readonly recent: Effect.Effect<Step>
    readonly process: Effect.Effect<ProcessView>
    /**
     * Tells of everything that is added from now on, until the scope closes. The listener is called in the step that
     * adds, so nothing is missed or seen twice; it must be quick and must not throw.
     */
    readonly follow: (listener: (news: News) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("effect-supavisor/PoolHistory") {
  /** Watches as long as the layer is alive. Nothing fails, and no text holds a secret. */
  static readonly layer: Layer.Layer<PoolHistory, never, SessionPool | HealthCheck | Advisor | SessionConfig> =
    Layer.effect(
      PoolHistory,
      Effect.suspend(() => make)
    )
}

/** Lets nothing but an interruption end a fiber that watches. */
const guarded = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void> =>
  Effect.catchCause(Effect.asVoid(effect), (cause) =>
    Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logError("The history of the pool broke off.", cause)
  )

const make = Effect.gen(function* () {
  const pool = yield* SessionPool
  const health = yield* HealthCheck
  const advisor = yield* Advisor
  const settings = yield* SessionConfig
  const clock = yield* Clock.Clock
  const now = monotonicMillis(clock)
  const secrets = secretsOfSettings(settings)
  const hush = (text: string): string => redact(text, secrets)
  const times = yield* pool.times
  const points = new Ring<Point>(WINDOW_MILLIS / STEP_MILLIS)
  const measures = new Ring<Measure>(RECENT_MILLIS / STEP_MILLIS + 1)
  const events = new Ring<ShownEvent>(EVENTS_KEPT)
  const listeners = new Set<(news: News) => void>()
  const own = new ProcessLook(now)
  yield* Effect.addFinalizer(() => Effect.sync(() => own.stop()))

  const measure = Effect.map(pool.snapshot, (snapshot) => ({ snapshot, measure: measureOf(times, snapshot, now()) }))
  const tell = (news: News): void => {
    for (const listener of listeners) listener(news)
  }
  const add = (event: ShownEvent | undefined): void => {
    if (event === undefined) return
    events.push(event)
    tell({ _tag: "Event", event })
  }

  const first = yield* measure
  measures.push(first.measure)

  let lookedAt = Number.NEGATIVE_INFINITY
  const look = Effect.gen(function* () {
    // A timer that fires a little early fires again at its time.
    if (now() - lookedAt < STEP_MILLIS / 2) return
    lookedAt = now()
    const { measure: after, snapshot } = yield* measure
    const { state } = yield* health.current
    const step = stepBetween(measures.newest ?? after, after)
    own.step()
    const { cpu, loopDelayP99Millis, rssBytes } = own.view()
    const { ceiling, closing, connecting, idle, max, used, waiting } = snapshot
    const point: Point = {
      at: clock.currentTimeMillisUnsafe(),
      idle,
      used,
      connecting,
      closing,
      waiting,
      max,
      ceiling,
      waitP50: step.wait.p50,
      waitP95: step.wait.p95,
      waitP99: step.wait.p99,
      queryP50: step.query.p50,
      queryP95: step.query.p95,
      queryP99: step.query.p99,
      queries: step.queries,
      dials: step.dials,
      dialFailures: step.dialFailures,
      closes: step.closes,
      health: state._tag.toLowerCase() as Point["health"],
      cpu,
      rssBytes,
      loopDelayP99Millis
    }
    measures.push(after)
    points.push(point)
    tell({ _tag: "Point", point })
  })

  let knownHealth: Health | undefined
  let knownFindings: ReadonlyArray<Finding> = []
  const hearHealth = (after: Health) =>
    Effect.sync(() => {
      add(healthEvent(knownHealth, after, clock.currentTimeMillisUnsafe(), hush))
      knownHealth = after
    })
  const hearFindings = (findings: ReadonlyArray<Finding>) =>
    Effect.sync(() => {
      const at = clock.currentTimeMillisUnsafe()
      const { begun, over } = changesBetween(knownFindings, findings)
      knownFindings = findings
      for (const finding of over) add(findingOver(finding, at, hush))
      for (const finding of begun) add(findingBegun(finding, at, hush))
    })

  const hearPool = Stream.runForEach(pool.events, (event) => guarded(Effect.sync(() => add(poolEvent(event, hush)))))
  yield* Effect.forkScoped(hearPool)
  yield* Effect.forkScoped(Stream.runForEach(health.changes, (after) => guarded(hearHealth(after))))
  yield* Effect.forkScoped(Stream.runForEach(advisor.changes, (findings) => guarded(hearFindings(findings))))
  yield* Effect.forkScoped(Effect.repeat(guarded(look), Schedule.fixed(STEP_MILLIS)))

  return {
    past: () => ({ points: points.toArray(), events: events.toArray() }),
    recent: Effect.map(measure, ({ measure: after }) => stepBetween(measures.oldest ?? after, after)),
    process: Effect.sync(() => own.view()),
    follow: (listener: (news: News) => void) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener))
      )
  }
})
