/**
 * Looks at the database's own list of connections and its limits at regular times, and keeps the last look at hand.
 *
 * What the pool cannot know is here: whoever else takes connections of the same server, how old they are, which sit in
 * an open transaction, and who waits for whom.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { secretsOf } from "../config/ConnectionString.ts"
import { blindness, type DatabaseView } from "./monitor/DatabaseView.ts"
import { look, type Look } from "./monitor/MonitorQuery.ts"
import { MonitorMetrics } from "./monitor/MonitorMetrics.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"

export {
  type Backend,
  type BackendState,
  type BlockedBackend,
  countOf,
  type DatabaseView,
  type Owner,
  usableConnections,
  waitingOnLock
} from "./monitor/DatabaseView.ts"

/** What is known of the database. */
export interface Observation {
  /** The last look; undefined before the first one, when it is off, and when it is so old that it would mislead. */
  readonly view: DatabaseView | undefined
  /** When that was, in wall-clock milliseconds. */
  readonly seenAt: number | undefined
  /** Why there is no newer look; undefined when the last one succeeded. */
  readonly trouble: string | undefined
  /** What the look could not see for want of privileges; undefined when it saw everything. */
  readonly blindness: string | undefined
}

/** A look that is older than this many intervals is forgotten: two may fail without a gap in the picture. */
const FORGOTTEN_AFTER_INTERVALS = 3

/** When no session was free for a look, in milliseconds: asking the pool again costs nothing, and is soon worth it. */
const NO_SESSION_PAUSE_MILLIS = 1000

/** Pauses vary by a fifth to either side, as Effect's own jitter does, so that many processes do not look together. */
const JITTER = 0.2

const nothingYet: Observation = { view: undefined, seenAt: undefined, trouble: undefined, blindness: undefined }

const off: Observation = {
  ...nothingYet,
  trouble: "The database is not looked at, because DB_MONITOR_INTERVAL is 0."
}

const noSession = "No session was free for a look: people come first."

/** The observation after a look that ended at `at`, in wall-clock milliseconds. */
const after = (before: Observation, look: Look, at: number, intervalMillis: number): Observation => {
  if (look._tag === "Seen") {
    return { view: look.view, seenAt: at, trouble: undefined, blindness: blindness(look.view) }
  }
  const trouble = look._tag === "NoSession" ? noSession : look.reason
  const isFresh = before.seenAt !== undefined && at - before.seenAt <= FORGOTTEN_AFTER_INTERVALS * intervalMillis
  if (before.trouble === trouble && (isFresh || before.view === undefined)) return before
  return isFresh ? { ...before, trouble } : { ...nothingYet, trouble }
}

/** What the database says of its connections. */
export class PostgresMonitor extends Context.Service<
  PostgresMonitor,
  {
    /** The last look, at once. */
    readonly current: Effect.Effect<Observation>
    /** What is known, then whatever is new: every look that succeeds, and every other trouble. */
    readonly changes: Stream.Stream<Observation>
    /** Looks now, also when the regular looks are off; at most five seconds, and never before a person. */
    readonly look: Effect.Effect<Observation>
  }
>()("effect-supavisor/PostgresMonitor") {
  /**
   * Looks every `DB_MONITOR_INTERVAL` (30 s, 0: off) as long as the layer is alive, with a jitter of a fifth.
   *
   * One look is one read-only statement of five seconds at most, on a session that is idle while nobody waits; without
   * one the look is tried again after a second. Nothing fails: what went wrong, and what the role may not see, is part
   * of the observation. While there is a look it can also be read from gauges
   * (`db.client.connection.session.database.*`).
   */
  static readonly layer: Layer.Layer<PostgresMonitor, never, SessionPool | SessionConfig> = Layer.effect(
    PostgresMonitor,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const { applicationName, connection, monitorInterval } = yield* SessionConfig
      const secrets = connection === undefined ? [] : secretsOf(connection)
      const intervalMillis = monitorInterval === undefined ? 0 : Duration.toMillis(monitorInterval)
      const state = yield* SubscriptionRef.make(monitorInterval === undefined ? off : nothingYet)
      const metrics = new MonitorMetrics(pool.name, yield* Effect.context<never>())
      yield* Effect.addFinalizer(() => Effect.sync(() => metrics.show(undefined)))
      let seesBlocking = true

      const lookOnce = Effect.gen(function* () {
        const seen = yield* look(pool, { applicationName, seesBlocking, secrets })
        if (seen._tag !== "Failed" || !seen.isForbidden || !seesBlocking) return seen
        seesBlocking = false
        return yield* look(pool, { applicationName, seesBlocking, secrets })
      })

      const note = Effect.fnUntraced(function* (seen: Look) {
        const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const before = yield* SubscriptionRef.get(state)
        const observation = after(before, seen, at, intervalMillis)
        // A pool that stays busy says so once, not every second.
        if (observation !== before) yield* SubscriptionRef.set(state, observation)
        metrics.show(observation.view)
        return observation
      })

      const tick = Effect.gen(function* () {
        const seen = yield* lookOnce
        yield* note(seen)
        return seen._tag === "NoSession" ? Math.min(NO_SESSION_PAUSE_MILLIS, intervalMillis) : intervalMillis
      }).pipe(
        Effect.catchCause((cause) =>
          Effect.as(Effect.logError("The look at the database broke off.", cause), intervalMillis)
        )
      )

      const pause = (millis: number) =>
        Effect.flatMap(Random.next, (random) => Effect.sleep(millis * (1 - JITTER + 2 * JITTER * random)))

      if (monitorInterval !== undefined) yield* Effect.forkScoped(Effect.forever(Effect.flatMap(tick, pause)))
      return {
        current: SubscriptionRef.get(state),
        changes: SubscriptionRef.changes(state),
        look: Effect.flatMap(lookOnce, note)
      }
    })
  )
}
