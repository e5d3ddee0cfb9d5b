/**
 * Advice from pool and database together: typed findings with what to do about them, kept current.
 *
 * The rules are pure (`advice/Advise.ts`); this service shows them the pool, its events and the last look at the
 * database every few seconds, and says in the log what has changed.
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
import type { Finding } from "./advice/Finding.ts"
import { loadOf, noMemory, withEvent, withoutOldEvents, withSample } from "./advice/Window.ts"
import { redact, secretsOf } from "../config/ConnectionString.ts"
import { wordMillis } from "../errors/Wording.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { PostgresMonitor } from "./PostgresMonitor.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"

export type { Advice, Finding, FindingId, Severity } from "./advice/Finding.ts"
export { findingIds } from "./advice/Finding.ts"

/** How often the rules are asked: soon enough for a person who watches, at the cost of one snapshot. */
const INTERVAL = Duration.seconds(5)

const sayBegun = (finding: Finding): Effect.Effect<void> => {
  const text = `${finding.title}. ${/[.!?]$/.test(finding.detail) ? finding.detail : `${finding.detail}.`} ${finding.remedy}`
  const said = finding.severity === "info" ? Effect.logInfo(text) : Effect.logWarning(text)
  return Effect.annotateLogs(said, { finding: finding.id, severity: finding.severity })
}

const sayOver = (finding: Finding, at: number): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logInfo(`Over after ${wordMillis(at - finding.since)}: ${finding.title}.`), {
    finding: finding.id
  })

/** What is not as it should be, and what to do about it. */
export class Advisor extends Context.Service<
  Advisor,
  {
    /** The findings that hold, the most severe first; empty when all is well. */
    readonly findings: Effect.Effect<ReadonlyArray<Finding>>
    /** The findings, then again whenever one begins, ends or changes, its numbers included. */
    readonly changes: Stream.Stream<ReadonlyArray<Finding>>
    /** Asks the rules now. */
    readonly review: Effect.Effect<ReadonlyArray<Finding>>
  }
>()("effect-supavisor/Advisor") {
  /**
   * Asks the rules every five seconds, with jitter, as long as the layer is alive, and logs each finding once when it
   * begins, changes its severity or ends. Nothing fails, and no finding holds a secret.
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
      let memory = noMemory

      // A statement written by hand may hold the password as a literal.
      const hushed = (finding: Finding): Finding => ({ ...finding, detail: redact(finding.detail, secrets) })

      const look = Effect.gen(function* () {
        const at = clock.currentTimeMillisUnsafe()
        const snapshot = yield* pool.snapshot
        const { useTime } = yield* pool.times
        const use = { count: useTime.count, seconds: useTime.sum }
        memory = withoutOldEvents(withSample(memory, { at: now(), pool: snapshot, use }), at)
        const picture = {
          pool: snapshot,
          before: memory.samples[0]?.pool ?? snapshot,
          load: loadOf(memory),
          ledger: yield* pool.sessions,
          database: (yield* monitor.current).view,
          events: memory.events,
          suspects: memory.suspects,
          settings
        }
        const previous = yield* SubscriptionRef.get(state)
        const findings = advise(picture, previous, at).map(hushed)
        const { begun, over } = changesBetween(previous, findings)
        for (const finding of begun) yield* sayBegun(finding)
        for (const finding of over) yield* sayOver(finding, at)
        return { findings, previous }
      }).pipe(Effect.annotateLogs({ pool: pool.name }))

      const review = Effect.gen(function* () {
        const { findings, previous } = yield* look
        if (JSON.stringify(findings) !== JSON.stringify(previous)) yield* SubscriptionRef.set(state, findings)
        return findings
      })

      const remember = Stream.runForEach(pool.events, (event) =>
        Effect.sync(() => {
          memory = withEvent(memory, event)
        })
      )
      yield* Effect.forkScoped(remember)
      yield* Effect.forkScoped(
        review.pipe(
          Effect.catchCause((cause) => Effect.logError("The advice broke off.", cause)),
          Effect.repeat(Schedule.spaced(INTERVAL).pipe(Schedule.jittered))
        )
      )
      return { findings: SubscriptionRef.get(state), changes: SubscriptionRef.changes(state), review }
    })
  )
}
