/**
 * Queries the server's list of connections and its limits at regular intervals, and keeps the last result.
 *
 * It shows what the pool itself cannot see: which other clients use connections of the server, how old they are, which are
 * idle in a transaction, and which block which.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { secretsOf } from "../config/ConnectionString.ts"
import {
  restrictionOf,
  type DatabaseView,
  type Backend,
  type BackendState,
  countOf,
  type Owner,
  usableConnections,
  waitingOnLock
} from "./monitor/DatabaseView.ts"
import { runMonitorQuery, type MonitorQueryOutcome } from "./monitor/ActivityStatement.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import * as Metric from "effect/Metric"
import { MILLIS_PER_SECOND } from "../errors/Units.ts"

/** The monitor's last result as gauges, which exist only while there is a result. */
const prefix = "db.client.connection.session.database"

const owners: ReadonlyArray<Owner> = ["ours", "pooler", "others"]

const states: ReadonlyArray<BackendState> = ["active", "idle", "idle in transaction", "unknown"]

const seconds = (backend: Backend | null): number => (backend?.millis ?? 0) / MILLIS_PER_SECOND

interface Series {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly attributes?: Readonly<Record<string, string>>
  readonly read: (view: DatabaseView) => number
}

const connections = owners.flatMap((owner) =>
  states.map((state): Series => ({
    name: `${prefix}.count`,
    description: "Connections of the server by owner (by application name) and state",
    unit: "{connection}",
    attributes: { owner, state },
    read: (view) => countOf(view, { owner, state })
  }))
)

const single = (name: string, unit: string, description: string, read: Series["read"]): Series => ({
  name: `${prefix}.${name}`,
  description,
  unit,
  read
})

const series: ReadonlyArray<Series> = [
  ...connections,
  single("max", "{connection}", "The server's max_connections", (view) => view.maxConnections),
  single("usable", "{connection}", "max_connections without the reserved ones", usableConnections),
  single("lock_waits", "{connection}", "Connections that wait for a lock", waitingOnLock),
  single("hidden", "{connection}", "Connections whose state the role may not see", (view) => view.hidden),
  single("oldest", "s", "Age of the oldest connection of this application", (view) => seconds(view.oldestOurs)),
  single("transaction.longest", "s", "Age of the longest transaction", (view) => seconds(view.longestTransaction)),
  single("query.longest", "s", "Age of the longest running statement", (view) => seconds(view.longestQuery))
]

/** Registers and removes the gauges of one pool's database. */
export class MonitorMetrics {
  private readonly poolName: string
  private readonly context: Context.Context<never>
  private view: DatabaseView | undefined = undefined
  private registrations: ReadonlyArray<Metric.Registration> = []

  constructor(poolName: string, context: Context.Context<never>) {
    this.poolName = poolName
    this.context = context
  }

  /** The gauges show this view from now on; without one they are removed, because old values look like new ones. */
  show(view: DatabaseView | undefined): void {
    this.view = view
    if (view === undefined) {
      for (const registration of this.registrations) registration.remove()
      this.registrations = []
    } else if (this.registrations.length === 0) {
      this.registrations = series.map((one) => this.register(one))
    }
  }

  private register({ attributes, description, name, read, unit }: Series): Metric.Registration {
    const gauge = Metric.gauge(name, {
      description,
      attributes: { ...attributes, "db.client.connection.pool.name": this.poolName, unit }
    })
    return Metric.registerUnsafe(gauge, this.context, {
      get: () => ({ value: this.view === undefined ? 0 : read(this.view) }),
      update: () => {},
      modify: () => {}
    })
  }
}

/** The last result and the problems of getting a newer one. */
export interface Observation {
  /** The last result; undefined before the first one, when the monitor is off, and when the result is too old. */
  readonly view: DatabaseView | undefined
  /** When the result was taken, in wall-clock milliseconds. */
  readonly observedAt: number | undefined
  /** Why there is no newer result; undefined when the last query succeeded. */
  readonly problem: string | undefined
  /** What the role has no privilege to see; undefined when the result is complete. */
  readonly restriction: string | undefined
}

/** A result is dropped after this many intervals, so two queries may fail before there is a gap. */
const DROPPED_AFTER_INTERVALS = 3

/** Milliseconds until the next attempt when no session was idle. An attempt costs next to nothing. */
const NO_SESSION_PAUSE_MILLIS = 1000

/** Pauses vary by a fifth, as Effect's jitter does, so that many processes do not query in step. */
const JITTER = 0.2

const empty: Observation = { view: undefined, observedAt: undefined, problem: undefined, restriction: undefined }

const off: Observation = {
  ...empty,
  problem: "The database monitor is off (DB_MONITOR_INTERVAL is 0)."
}

const noSession = "No session was idle for the monitor; callers have priority."

/** The observation after a query that ended at `at`, in wall-clock milliseconds. */
const after = (before: Observation, outcome: MonitorQueryOutcome, at: number, intervalMillis: number): Observation => {
  if (outcome._tag === "Seen") {
    return { view: outcome.view, observedAt: at, problem: undefined, restriction: restrictionOf(outcome.view) }
  }
  const problem = outcome._tag === "NoSession" ? noSession : outcome.reason
  const isFresh = before.observedAt !== undefined && at - before.observedAt <= DROPPED_AFTER_INTERVALS * intervalMillis
  if (before.problem === problem && (isFresh || before.view === undefined)) return before
  return isFresh ? { ...before, problem } : { ...empty, problem }
}

/** Observes the connections of the database server. */
export class PostgresMonitor extends Context.Service<
  PostgresMonitor,
  {
    /** The last observation, from memory. */
    readonly current: Effect.Effect<Observation>
    /** The last observation, then every new one: each result and each new problem. */
    readonly changes: Stream.Stream<Observation>
    /** Queries now, also when the monitor is off. Takes five seconds at most and gives way to callers. */
    readonly refresh: Effect.Effect<Observation>
  }
>()("effect-supavisor/PostgresMonitor") {
  /**
   * Queries every `DB_MONITOR_INTERVAL` (30 s, 0: off) until the layer's scope closes, with a jitter of a fifth.
   *
   * A query is one read-only statement of five seconds at most, on a session that is idle while no caller waits; without
   * one it is retried after a second. Never fails: problems and missing privileges are part of the observation. While
   * there is a result, gauges (`db.client.connection.session.database.*`) show it too.
   */
  static readonly layer: Layer.Layer<PostgresMonitor, never, SessionPool | SessionConfig> = Layer.effect(
    PostgresMonitor,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const { applicationName, connection, monitorInterval } = yield* SessionConfig
      const secrets = connection === undefined ? [] : secretsOf(connection)
      const intervalMillis = monitorInterval === undefined ? 0 : Duration.toMillis(monitorInterval)
      const state = yield* SubscriptionRef.make(monitorInterval === undefined ? off : empty)
      const metrics = new MonitorMetrics(pool.name, yield* Effect.context<never>())
      yield* Effect.addFinalizer(() => Effect.sync(() => metrics.show(undefined)))
      let canSeeBlocking = true

      const queryOnce = Effect.gen(function* () {
        const outcome = yield* runMonitorQuery(pool, { applicationName, canSeeBlocking, secrets })
        if (outcome._tag !== "Failed" || !outcome.isForbidden || !canSeeBlocking) return outcome
        canSeeBlocking = false
        return yield* runMonitorQuery(pool, { applicationName, canSeeBlocking, secrets })
      })

      const record = Effect.fnUntraced(function* (outcome: MonitorQueryOutcome) {
        const at = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const before = yield* SubscriptionRef.get(state)
        const observation = after(before, outcome, at, intervalMillis)
        // A pool that stays busy is published once, not every second.
        if (observation !== before) yield* SubscriptionRef.set(state, observation)
        metrics.show(observation.view)
        return observation
      })

      const tick = Effect.gen(function* () {
        const outcome = yield* queryOnce
        yield* record(outcome)
        return outcome._tag === "NoSession" ? Math.min(NO_SESSION_PAUSE_MILLIS, intervalMillis) : intervalMillis
      }).pipe(
        Effect.catchCause((cause) =>
          Effect.as(Effect.logError("The database monitor's query failed unexpectedly.", cause), intervalMillis)
        )
      )

      const pause = (millis: number) =>
        Effect.flatMap(Random.next, (random) => Effect.sleep(millis * (1 - JITTER + 2 * JITTER * random)))

      if (monitorInterval !== undefined) yield* Effect.forkScoped(Effect.forever(Effect.flatMap(tick, pause)))
      return {
        current: SubscriptionRef.get(state),
        changes: SubscriptionRef.changes(state),
        refresh: Effect.flatMap(queryOnce, record)
      }
    })
  )
}
