/** The last fifteen minutes in steps of two seconds, from numbers that the pool keeps anyway, and the last events. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Struct from "effect/Struct"
import { changesBetween } from "./advice/Advise.ts"
import type { Finding } from "./advice/Finding.ts"
import { Advisor } from "./Advisor.ts"
import { redact } from "../config/ConnectionString.ts"
import type { Health } from "./health/Health.ts"
import { HealthCheck } from "./HealthCheck.ts"
import { type Totals, totalsOf, type Interval, intervalBetween } from "./history/Interval.ts"
import {
  type HistoryEvent,
  type HistoryPoint,
  type ProcessView,
  STEP_MILLIS,
  WINDOW_MILLIS
} from "./history/HistorySchema.ts"
import { EVENTS_KEPT, findingBegan, findingEnded, healthEvent, poolEvent } from "./history/HistoryEvent.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { secretsOfSettings } from "../config/settings/Secrets.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import { guarded } from "./RoutineLog.ts"
import { LoopDelay } from "./metrics/LoopDelay.ts"
import { MICROS_PER_MILLI, MILLIS_PER_SECOND } from "../errors/Units.ts"

/** Less than a step, so that a step that is early still ends its window. */
const LOOP_WINDOW_MILLIS = STEP_MILLIS / 2

const cpuMillis = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / MICROS_PER_MILLI
}

class ProcessUsage {
  private readonly now: () => number
  private readonly loop: LoopDelay
  private since: number
  private usedMillis = 0
  private cpu = 0

  constructor(now: () => number) {
    this.now = now
    this.loop = new LoopDelay(now, LOOP_WINDOW_MILLIS)
    this.since = now() - process.uptime() * MILLIS_PER_SECOND
    this.step()
  }

  step(): void {
    const now = this.now()
    const used = cpuMillis()
    if (now > this.since) this.cpu = (used - this.usedMillis) / (now - this.since)
    this.since = now
    this.usedMillis = used
    this.loop.read()
  }

  view(): ProcessView {
    const { heapTotal, heapUsed, rss } = process.memoryUsage()
    const { p50, p99 } = this.loop.shown
    return {
      pid: process.pid,
      nodeVersion: process.version,
      uptimeSeconds: Math.round(process.uptime()),
      cpu: this.cpu,
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      loopDelayP50Millis: p50 * MILLIS_PER_SECOND,
      loopDelayP99Millis: p99 * MILLIS_PER_SECOND
    }
  }

  stop(): void {
    this.loop.stop()
  }
}

/** Adds the item and removes the oldest beyond `capacity`. */
const keep = <A>(items: Array<A>, item: A, capacity: number): void => {
  items.push(item)
  if (items.length > capacity) items.shift()
}

export { type HistoryEvent, type HistoryPoint, STEP_MILLIS, WINDOW_MILLIS } from "./history/HistorySchema.ts"

/** The period of `recent` in milliseconds: long enough for a p99. */
const RECENT_MILLIS = 60_000

/** The history so far. */
export interface HistoryContents {
  /** One for each two seconds, oldest first, fifteen minutes at most. */
  readonly points: ReadonlyArray<HistoryPoint>
  /** The last fifty events of pool, health check and advisor, oldest first. */
  readonly events: ReadonlyArray<HistoryEvent>
}

/** One addition to the history. */
export type HistoryUpdate =
  | { readonly _tag: "Point"; readonly point: HistoryPoint }
  | { readonly _tag: "Event"; readonly event: HistoryEvent }

/** Records the pool's recent history. */
export class PoolHistory extends Context.Service<
  PoolHistory,
  {
    /** Synchronous, so that a subscriber can read the contents and subscribe without missing an update. */
    readonly contents: () => HistoryContents
    /** The last minute. */
    readonly recent: Effect.Effect<Interval>
    readonly process: Effect.Effect<ProcessView>
    /** Calls the listener for every addition until the scope closes, synchronously. It must be fast and not throw. */
    readonly subscribe: (listener: (update: HistoryUpdate) => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("effect-supavisor/PoolHistory") {
  /** Records until the layer's scope closes. Never fails; secrets are removed from every text. */
  static readonly layer: Layer.Layer<PoolHistory, never, SessionPool | HealthCheck | Advisor | SessionConfig> =
    Layer.effect(
      PoolHistory,
      Effect.suspend(() => make)
    )
}

const logFailure = guarded("Recording the pool's history failed.")

const make = Effect.gen(function* () {
  const pool = yield* SessionPool
  const health = yield* HealthCheck
  const advisor = yield* Advisor
  const settings = yield* SessionConfig
  const clock = yield* Clock.Clock
  const now = monotonicMillis(clock)
  const secrets = secretsOfSettings(settings)
  const redactText = (text: string): string => redact(text, secrets)
  const times = yield* pool.times
  const points: Array<HistoryPoint> = []
  const events: Array<HistoryEvent> = []
  const listeners = new Set<(update: HistoryUpdate) => void>()
  const usage = new ProcessUsage(now)
  yield* Effect.addFinalizer(() => Effect.sync(() => usage.stop()))

  const measure = Effect.map(pool.snapshot, (snapshot) => ({ snapshot, now: totalsOf(times, snapshot, now()) }))
  const totals: Array<Totals> = [(yield* measure).now]
  const publish = (update: HistoryUpdate): void => {
    for (const listener of listeners) listener(update)
  }
  const add = (event: HistoryEvent | undefined): void => {
    if (event === undefined) return
    keep(events, event, EVENTS_KEPT)
    publish({ _tag: "Event", event })
  }

  let recordedAt = Number.NEGATIVE_INFINITY
  const recordPoint = Effect.gen(function* () {
    // A timer that fires slightly early fires a second time when it is due.
    if (now() - recordedAt < STEP_MILLIS / 2) return
    recordedAt = now()
    const { now: after, snapshot } = yield* measure
    const { state } = yield* health.current
    const step = intervalBetween(totals.at(-1) ?? after, after)
    usage.step()
    const point: HistoryPoint = {
      at: clock.currentTimeMillisUnsafe(),
      ...Struct.pick(snapshot, ["idle", "used", "connecting", "closing", "waiting", "max", "ceiling"]),
      waitP50: step.wait.p50,
      waitP95: step.wait.p95,
      waitP99: step.wait.p99,
      queryP50: step.query.p50,
      queryP95: step.query.p95,
      queryP99: step.query.p99,
      ...Struct.pick(step, ["queries", "dials", "dialFailures", "closes"]),
      health: state._tag.toLowerCase(),
      ...Struct.pick(usage.view(), ["cpu", "rssBytes", "loopDelayP99Millis"])
    }
    keep(totals, after, RECENT_MILLIS / STEP_MILLIS + 1)
    keep(points, point, WINDOW_MILLIS / STEP_MILLIS)
    publish({ _tag: "Point", point })
  })

  let lastHealth: Health | undefined
  let lastFindings: ReadonlyArray<Finding> = []
  const onHealth = (after: Health) =>
    Effect.sync(() => {
      add(healthEvent(lastHealth, after, clock.currentTimeMillisUnsafe(), redactText))
      lastHealth = after
    })
  const onFindings = (findings: ReadonlyArray<Finding>) =>
    Effect.sync(() => {
      const at = clock.currentTimeMillisUnsafe()
      const { begun, over } = changesBetween(lastFindings, findings)
      lastFindings = findings
      for (const finding of over) add(findingEnded(finding, at, redactText))
      for (const finding of begun) add(findingBegan(finding, at, redactText))
    })

  const recordPoolEvents = Stream.runForEach(pool.events, (event) =>
    logFailure(Effect.sync(() => add(poolEvent(event, redactText))))
  )
  yield* Effect.forkScoped(recordPoolEvents)
  yield* Effect.forkScoped(Stream.runForEach(health.changes, (after) => logFailure(onHealth(after))))
  yield* Effect.forkScoped(Stream.runForEach(advisor.changes, (findings) => logFailure(onFindings(findings))))
  yield* Effect.forkScoped(Effect.repeat(logFailure(recordPoint), Schedule.fixed(STEP_MILLIS)))

  return {
    contents: () => ({ points: points.slice(), events: events.slice() }),
    recent: Effect.map(measure, ({ now: after }) => intervalBetween(totals[0] ?? after, after)),
    process: Effect.sync(() => usage.view()),
    subscribe: (listener: (update: HistoryUpdate) => void) =>
      Effect.acquireRelease(
        Effect.sync(() => void listeners.add(listener)),
        () => Effect.sync(() => void listeners.delete(listener))
      )
  }
})
