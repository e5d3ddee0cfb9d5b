/**
 * Findings about the pool and its database, each with a remedy, kept current.
 *
 * The rules are pure (`advice/Advise.ts`). This service evaluates them every few seconds with the pool's snapshot, its
 * events and the last monitor query, and logs the changes.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { advise, changesBetween } from "./advice/Advise.ts"
import type { Finding, SuspectedLeak } from "./advice/Finding.ts"
import { redact, secretsOf } from "../config/ConnectionString.ts"
import { sentence, wordMillis } from "../errors/Wording.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { PostgresMonitor } from "./PostgresMonitor.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import type { PoolEvent } from "../pool/Events.ts"
import type { AcquireOutcome, PoolSnapshot } from "../pool/core/Snapshot.ts"
import type { Load } from "../config/LittlesLaw.ts"
import { MILLIS_PER_SECOND } from "../errors/Units.ts"

/** The period over which counters are compared, in milliseconds. */
const WINDOW_MILLIS = 60_000

/** Twice the usual idle limit of networks, so that losses at every limit stay one finding. */
const EVENTS_MILLIS = 600_000

/** Most events kept; an outage repeats the same ones. */
const MAX_EVENTS = 500

interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number
  readonly pool: PoolSnapshot
  /** Ended leases, and their total duration. */
  readonly use: { readonly count: number; readonly seconds: number }
}

/** Samples of the last minute and events of the last ten. */
interface AdvisorWindow {
  /** Oldest first. */
  readonly samples: ReadonlyArray<Sample>
  readonly events: ReadonlyArray<PoolEvent>
  readonly suspectedLeaks: ReadonlyArray<SuspectedLeak>
}

const emptyWindow: AdvisorWindow = { samples: [], events: [], suspectedLeaks: [] }

/** Adds a sample and removes what is too old. `now` is wall-clock milliseconds. */
const withSample = (window: AdvisorWindow, sample: Sample, now: number): AdvisorWindow => ({
  ...window,
  samples: [...window.samples.filter(({ at }) => sample.at - at <= WINDOW_MILLIS), sample],
  events: window.events.filter(({ at }) => now - at <= EVENTS_MILLIS)
})

const leaksAfter = (leaks: ReadonlyArray<SuspectedLeak>, event: PoolEvent): ReadonlyArray<SuspectedLeak> => {
  switch (event._tag) {
    case "LeakSuspected":
      return [...leaks, { sessionId: event.sessionId, holder: event.holder }]
    case "LeakReturned":
      return leaks.filter(({ sessionId }) => sessionId !== event.sessionId)
    case "SessionClosed":
      return leaks.filter(({ sessionId }) => sessionId !== event.id)
    default:
      return leaks
  }
}

const withEvent = (window: AdvisorWindow, event: PoolEvent): AdvisorWindow => ({
  ...window,
  events: [...window.events, event].slice(-MAX_EVENTS),
  suspectedLeaks: leaksAfter(window.suspectedLeaks, event)
})

const arrivals: ReadonlyArray<AcquireOutcome> = ["immediate", "waited", "timeout", "queue-full", "abandoned", "failed"]

const arrivalsOf = ({ counters, waiting }: PoolSnapshot): number =>
  arrivals.reduce((sum, outcome) => sum + counters.acquired[outcome], waiting)

/** The load in the window. Callers that wait at its end arrivals in it, those that waited at its start before it. */
const loadOf = ({ samples }: AdvisorWindow): Load => {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined) return { windowMillis: 0, arrivals: 0, leases: 0, heldMillis: 0 }
  return {
    windowMillis: last.at - first.at,
    arrivals: arrivalsOf(last.pool) - arrivalsOf(first.pool),
    leases: last.use.count - first.use.count,
    heldMillis: (last.use.seconds - first.use.seconds) * MILLIS_PER_SECOND
  }
}

export type { Advice, Finding, FindingId } from "./advice/Finding.ts"

export { findingIds } from "./advice/Finding.ts"

/** How often the rules are evaluated. One evaluation costs one snapshot. */
const INTERVAL = Duration.seconds(5)

const logBegin = (finding: Finding): Effect.Effect<void> => {
  const text = `${finding.title}. ${sentence(finding.detail)} ${finding.remedy}`
  const line = finding.severity === "info" ? Effect.logInfo(text) : Effect.logWarning(text)
  return Effect.annotateLogs(line, { finding: finding.id, severity: finding.severity })
}

const logEnd = (finding: Finding, at: number): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logInfo(`Resolved after ${wordMillis(at - finding.since)}: ${finding.title}.`), {
    finding: finding.id
  })

/** Finds problems of the pool and its database, each with a remedy. */
export class Advisor extends Context.Service<
  Advisor,
  {
    /** The current findings, the most severe first. */
    readonly findings: Effect.Effect<ReadonlyArray<Finding>>
    /** The current findings, then the list again whenever it changes, its numbers included. */
    readonly changes: Stream.Stream<ReadonlyArray<Finding>>
    /** Evaluates the rules now. */
    readonly refresh: Effect.Effect<ReadonlyArray<Finding>>
  }
>()("effect-supavisor/Advisor") {
  /**
   * Evaluates the rules every five seconds, with jitter, until the layer's scope closes. Logs a finding when it begins,
   * changes its severity or ends. Never fails; secrets are removed from every finding.
   */
  static readonly layer: Layer.Layer<Advisor, never, SessionPool | PostgresMonitor | SessionConfig> = Layer.effect(
    Advisor,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const monitor = yield* PostgresMonitor
      const settings = yield* SessionConfig
      const clock = yield* Clock.Clock
      const now = monotonicMillis(clock)
      const secrets = settings.connection === undefined ? [] : secretsOf(settings.connection)
      const state = yield* SubscriptionRef.make<ReadonlyArray<Finding>>([])
      let window = emptyWindow

      // A statement may contain the password as a literal.
      const redacted = (finding: Finding): Finding => ({ ...finding, detail: redact(finding.detail, secrets) })

      const evaluate = Effect.gen(function* () {
        const at = clock.currentTimeMillisUnsafe()
        const snapshot = yield* pool.snapshot
        const { useTime } = yield* pool.times
        const use = { count: useTime.count, seconds: useTime.sum }
        window = withSample(window, { at: now(), pool: snapshot, use }, at)
        const input = {
          pool: snapshot,
          before: window.samples[0]?.pool ?? snapshot,
          load: loadOf(window),
          sessions: yield* pool.sessions,
          database: (yield* monitor.current).view,
          events: window.events,
          suspectedLeaks: window.suspectedLeaks,
          settings
        }
        const previous = yield* SubscriptionRef.get(state)
        const findings = advise(input, previous, at).map(redacted)
        const { begun, over } = changesBetween(previous, findings)
        for (const finding of begun) yield* logBegin(finding)
        for (const finding of over) yield* logEnd(finding, at)
        return { findings, previous }
      }).pipe(Effect.annotateLogs({ pool: pool.name }))

      const refresh = Effect.gen(function* () {
        const { findings, previous } = yield* evaluate
        if (JSON.stringify(findings) !== JSON.stringify(previous)) yield* SubscriptionRef.set(state, findings)
        return findings
      })

      const recordEvents = Stream.runForEach(pool.events, (event) =>
        Effect.sync(() => {
          window = withEvent(window, event)
        })
      )
      yield* Effect.forkScoped(recordEvents)
      yield* Effect.forkScoped(
        refresh.pipe(
          Effect.catchCause((cause) => Effect.logError("Evaluating the advisor's rules failed.", cause)),
          Effect.repeat(Schedule.spaced(INTERVAL).pipe(Schedule.jittered))
        )
      )
      return { findings: SubscriptionRef.get(state), changes: SubscriptionRef.changes(state), refresh }
    })
  )
}
