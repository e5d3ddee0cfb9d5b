/** One pool under load: two hundred fibers, a fault every few hundred milliseconds, then none, then the drain. */
import { PgClient } from "@effect/sql-pg/PgClient"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { isSqlError } from "effect/sql/SqlError"
import * as SupavisorLayer from "../../src/layers/SupavisorLayer.ts"
import { isSessionError, SessionError } from "../../src/services/errors/SessionError.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { FakeSupavisor } from "../../src/services/embedded/FakeSupavisor.ts"
import { FaultMode, FaultProxy } from "../../src/testing/FaultProxy.ts"
import type { TestPostgres } from "../../src/testing/TestPostgres.ts"
import type { SecretScanner } from "./SecretScanner.ts"
import { CommitLog } from "./CommitLog.ts"
import type { SeededRandom } from "./SeededRandom.ts"
import { type FaultName, faults, type FaultTargets, weightsOf } from "./Faults.ts"
import type { Violations } from "./Violations.ts"
import type { LoopStalls } from "./LoopStalls.ts"
import { GRACE_MILLIS, type WorkContext } from "./WorkContext.ts"
import { SessionCount } from "./SessionCount.ts"
import { WallClock } from "./WallClock.ts"
import { work } from "./Work.ts"

const FIBERS = 200
const MAX = 12

/** Supavisor's default; more than `max`, so that dials are refused because of a fault only. */
const POOL_SIZE = 15

const ROLE = "postgres"
const REFERENCE = "abcdefghijklmnopqrst"

/** The application name of the sessions under test, as the pooler passes it on. */
const APPLICATION = "chaos"

/**
 * Shortens the pooler's times so that a drain fits in. Its five seconds must stay longer than the second within which a
 * FATAL and a statement count as having crossed on the wire.
 */
const TIME_SCALE = 0.3

/** The pause between faults in milliseconds; short pauses are more frequent. */
const PAUSE = { min: 100, max: 500 } as const

/** A refused login may stop dials for three minutes, so login faults come after this share of a round. */
const LOGIN_SHARE = 0.7

/** Longer than the timeout of any operation. */
const SETTLED_MILLIS = 4500

/** After this time without work nothing may be left of it. */
const QUIET_MILLIS = 2000

const SHUTDOWN_MILLIS = 5000

/** Every third row makes its COMMIT slow, so that faults occur between COMMIT and its reply. */
const LEDGER: ReadonlyArray<string> = [
  "create table ledger (id int, work int)",
  "create function linger() returns trigger language plpgsql as 'begin perform pg_sleep(0.06); return null; end'",
  "create constraint trigger linger after insert on ledger deferrable initially deferred for each row " +
    "when (new.id % 3 = 0) execute function linger()"
]

export interface RoundOptions {
  readonly postgres: TestPostgres["Service"]
  readonly random: SeededRandom
  readonly violations: Violations
  readonly scanner: SecretScanner
  readonly stalls: LoopStalls
  readonly millis: number
  readonly password: Redacted.Redacted<string>
  readonly outcomes: Map<string, number>
  /** Failures by code. */
  readonly failures: Map<string, number>
  readonly injected: Map<string, number>
}

export interface RoundReport {
  readonly rows: number
  readonly committed: number
  readonly unknown: number
  readonly mostSessions: number
  readonly cancels: number
}

export const runRound = (options: RoundOptions): Effect.Effect<RoundReport, unknown> => Effect.scoped(round(options))

const round = Effect.fnUntraced(function* (options: RoundOptions) {
  const { scanner, random, violations, password, postgres, stalls } = options
  const database = yield* postgres.freshDatabase
  const query = (sql: string) =>
    Effect.scoped(
      Effect.map(
        Effect.flatMap(PgConnection.make({ url: database.url, applicationName: "audit" }), (c) => c.query(sql)),
        ({ rows }) => rows
      )
    )
  yield* Effect.forEach(LEDGER, query)

  const pooler = yield* FakeSupavisor.make({
    upstream: {
      host: postgres.host,
      port: postgres.port,
      username: postgres.server.username,
      password: postgres.server.password,
      database: database.name
    },
    tenants: { [REFERENCE]: { roles: { [ROLE]: { password } } } },
    poolSize: POOL_SIZE,
    queue: random.chance(0.3) ? "wait" : "refuse",
    lateCancel: random.chance(0.3),
    timeScale: TIME_SCALE
  })
  const accept: { on: SessionCount["onAccept"] } = { on: () => undefined }
  const proxy = yield* FaultProxy.make({
    target: { host: pooler.host, port: pooler.sessionPort },
    onAccept: (connection) => accept.on(connection)
  })
  const count = new SessionCount({ max: MAX, random: random.fork(), violations, connections: proxy.connections })
  accept.on = count.onAccept

  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const services = yield* Layer.buildWithScope(
    SupavisorLayer.layer({
      url: proxy.urlThrough(pooler.url(ROLE)),
      connectionType: "supavisor_session",
      applicationName: APPLICATION,
      ssl: { mode: "disable" },
      pool: { min: 2, max: MAX, acquireTimeout: 3000, idleTimeout: 2000, maxLifetime: 5000 },
      connectTimeout: 2000,
      statementTimeout: 2000,
      healthCheckInterval: 1000,
      shutdownTimeout: SHUTDOWN_MILLIS
    }).pipe(Layer.provide(scanner.logger)),
    scope
  )
  const pool = Context.get(services, SessionPool)
  yield* Effect.forkScoped(
    Stream.runForEach(pool.events, (event) => Effect.sync(() => scanner.scanValue("an event", event)))
  )
  const context: WorkContext = {
    pool,
    sql: Context.get(services, PgClient),
    commits: new CommitLog(),
    violations,
    now: () => performance.now(),
    stalled: stalls.between,
    running: new Map(),
    holders: new Map(),
    outcomes: options.outcomes,
    onFailure: (error) => {
      scanner.scanFailure(error)
      const failure = isSqlError(error) ? SessionError.fromSqlError(error) : error
      const code = isSessionError(failure) ? failure.code : "intended"
      options.failures.set(code, (options.failures.get(code) ?? 0) + 1)
    }
  }

  const clock = new WallClock()
  const targets: FaultTargets = {
    proxy,
    count,
    pooler,
    postgres,
    database: database.name,
    clock,
    role: ROLE,
    password,
    poolSize: POOL_SIZE
  }
  const ends = performance.now() + options.millis
  const injecting = yield* Effect.forkChild(injectFaults({ ...options, random: random.fork() }, targets, ends))
  const workers = yield* Effect.forEach(Array.from({ length: FIBERS }), () =>
    Effect.forkChild(workUntil(context, random.fork(), ends))
  )
  yield* Fiber.join(injecting)
  count.mode = FaultMode.pass
  yield* proxy.setMode(FaultMode.pass)

  const done = Effect.forEach(workers, Fiber.await, { discard: true })
  yield* Effect.timeoutOption(done, SETTLED_MILLIS + GRACE_MILLIS)
  const now = performance.now()
  for (const { due, name } of context.running.values()) {
    const late = now - due()
    violations.must(late - stalls.between(due(), now) <= GRACE_MILLIS, () => `a ${name} never ended`)
  }
  yield* Effect.sleep(QUIET_MILLIS)
  yield* checkQuiet(context, proxy, query)
  context.commits.audit(
    (yield* query("select id from ledger")).map((row) => Number(row["id"])),
    violations
  )

  const closing = performance.now()
  yield* Scope.close(scope, Exit.void)
  const took = performance.now() - closing
  violations.must(
    took - stalls.between(closing, closing + took) <= SHUTDOWN_MILLIS + GRACE_MILLIS,
    () => `the pool took ${took.toFixed(0)} ms to drain`
  )
  violations.must(proxy.open() === 0, () => `${proxy.open()} sockets are open after the drain`)
  scanner.scanValue("the last snapshot", yield* pool.snapshot)
  const { commits } = context
  return {
    rows: commits.size,
    committed: commits.count("committed"),
    unknown: commits.count("unknown"),
    mostSessions: count.most,
    cancels: count.cancels
  }
})

/** Runs operations one after another, with short pauses, until the time is over. */
const workUntil = (context: WorkContext, random: SeededRandom, ends: number): Effect.Effect<void> =>
  Effect.suspend(() => Effect.andThen(work(context, random), Effect.sleep(random.int(0, 40)))).pipe(
    Effect.repeat({ while: () => performance.now() < ends })
  )

/** Injects faults until the time is over, then waits for the last one. */
const injectFaults = Effect.fnUntraced(function* (
  { random, millis, injected }: RoundOptions,
  targets: FaultTargets,
  ends: number
) {
  const activeGroups = new Set<string>()
  const active = new Set<Fiber.Fiber<void>>()
  const isAllowed = (name: FaultName): boolean => {
    const { group } = faults[name]
    if (group !== undefined && activeGroups.has(group)) return false
    return group !== "login" || ends - performance.now() < millis * (1 - LOGIN_SHARE)
  }
  while (performance.now() < ends) {
    yield* Effect.sleep(PAUSE.min + (PAUSE.max - PAUSE.min) * random.next() ** 2)
    const name = random.weighted(weightsOf(isAllowed))
    const { group, inject } = faults[name]
    injected.set(name, (injected.get(name) ?? 0) + 1)
    if (group !== undefined) activeGroups.add(group)
    const fiber = yield* Effect.forkChild(
      Effect.ensuring(
        inject(targets, random.fork()),
        Effect.sync(() => activeGroups.delete(group ?? ""))
      ),
      { startImmediately: true }
    )
    active.add(fiber)
    fiber.addObserver(() => active.delete(fiber))
  }
  yield* Effect.forEach(active, Fiber.join, { discard: true })
})

const checkQuiet = Effect.fnUntraced(function* (
  context: WorkContext,
  proxy: FaultProxy["Service"],
  query: (sql: string) => Effect.Effect<ReadonlyArray<PgConnection.Row>, unknown>
) {
  const { violations, holders, pool } = context
  const rows = yield* query(
    `select pid, state, query from pg_stat_activity where datname = current_database() and application_name like '%${APPLICATION}%'`
  )
  const { closing, connecting, max, open, used, waiting } = yield* pool.snapshot
  const busy = rows.filter((row) => row["state"] !== "idle").map((row) => String(row["query"]))
  violations.must(waiting === 0, () => `${waiting} callers wait without work`)
  violations.must(used === 0, () => `${used} sessions are used without work`)
  violations.must(holders.size === 0, () => `${holders.size} leases were never released`)
  violations.must(open + closing + connecting <= max, () => "more sessions than max")
  violations.must(rows.length <= open, () => `the server has ${rows.length} sessions of the pool, which knows ${open}`)
  violations.must(busy.length === 0, () => `the server still runs ${busy.join("; ")}`)
  const sockets = open + closing + connecting
  violations.must(proxy.open() <= sockets, () => `${proxy.open()} sockets are open for ${sockets} sessions`)
})
