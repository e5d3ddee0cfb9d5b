/** One pool through a storm: two hundred fibers at work, a fault every few hundred milliseconds, then quiet, then its end. */
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
import type { Canary } from "./Canary.ts"
import { CommitBook } from "./CommitBook.ts"
import type { Dice } from "./Dice.ts"
import { type FaultName, faults, type Victims, weightsOf } from "./Faults.ts"
import type { Findings } from "./Findings.ts"
import type { LoopStalls } from "./LoopStalls.ts"
import { GRACE_MILLIS, type Scene } from "./Scene.ts"
import { SessionCount } from "./SessionCount.ts"
import { WallClock } from "./WallClock.ts"
import { work } from "./Work.ts"

const FIBERS = 200
const MAX = 12

/** Supavisor's default; more than `max`, so that the pool is refused only when a fault wants it to be. */
const POOL_SIZE = 15

const ROLE = "postgres"
const REFERENCE = "abcdefghijklmnopqrst"

/** The application name of the sessions under test, as the pooler passes it on. */
const APPLICATION = "chaos"

/**
 * The pooler's times are shortened so that a drain fits in, but no further: its five seconds of patience must stay
 * above the second within which a session's goodbye counts as a crossing on the wire.
 */
const TIME_SCALE = 0.3

/** A fault comes this often, in milliseconds; the short pauses are the frequent ones, or a minute would see too few. */
const PAUSE = { least: 100, most: 500 } as const

/** What a login is refused for keeps a pool away for up to three minutes, so it comes near the end of a round. */
const LOGIN_SHARE = 0.7

/** The longest deadline of any work; then everybody has been told something. */
const SETTLED_MILLIS = 4500

/** After that long without work nothing may be left of it. */
const QUIET_MILLIS = 2000

const SHUTDOWN_MILLIS = 5000

/** Every third row makes its COMMIT slow, or hardly any fault would strike between COMMIT and its reply. */
const LEDGER: ReadonlyArray<string> = [
  "create table ledger (id int, work int)",
  "create function linger() returns trigger language plpgsql as 'begin perform pg_sleep(0.06); return null; end'",
  "create constraint trigger linger after insert on ledger deferrable initially deferred for each row " +
    "when (new.id % 3 = 0) execute function linger()"
]

export interface RoundParts {
  readonly postgres: TestPostgres["Service"]
  readonly dice: Dice
  readonly findings: Findings
  readonly canary: Canary
  readonly stalls: LoopStalls
  readonly millis: number
  readonly password: Redacted.Redacted<string>
  readonly outcomes: Map<string, number>
  /** Failures by code. */
  readonly failures: Map<string, number>
  readonly struck: Map<string, number>
}

/** What one round saw. */
export interface RoundReport {
  readonly rows: number
  readonly committed: number
  readonly unknown: number
  readonly mostSessions: number
  readonly cancels: number
}

export const storm = (parts: RoundParts): Effect.Effect<RoundReport, unknown> => Effect.scoped(round(parts))

const round = Effect.fnUntraced(function* (parts: RoundParts) {
  const { canary, dice, findings, password, postgres, stalls } = parts
  const database = yield* postgres.freshDatabase
  const ask = (sql: string) =>
    Effect.scoped(
      Effect.map(
        Effect.flatMap(PgConnection.make({ url: database.url, applicationName: "audit" }), (c) => c.query(sql)),
        ({ rows }) => rows
      )
    )
  yield* Effect.forEach(LEDGER, ask)

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
    queue: dice.chance(0.3) ? "wait" : "refuse",
    lateCancel: dice.chance(0.3),
    timeScale: TIME_SCALE
  })
  const accept: { on: SessionCount["onAccept"] } = { on: () => undefined }
  const proxy = yield* FaultProxy.make({
    target: { host: pooler.host, port: pooler.sessionPort },
    onAccept: (connection) => accept.on(connection)
  })
  const count = new SessionCount({ max: MAX, dice: dice.fork(), findings, connections: proxy.connections })
  accept.on = count.onAccept

  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const context = yield* Layer.buildWithScope(
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
    }).pipe(Layer.provide(canary.logger)),
    scope
  )
  const pool = Context.get(context, SessionPool)
  yield* Effect.forkScoped(
    Stream.runForEach(pool.events, (event) => Effect.sync(() => canary.hearValue("an event", event)))
  )
  const scene: Scene = {
    pool,
    sql: Context.get(context, PgClient),
    book: new CommitBook(),
    findings,
    now: () => performance.now(),
    stalled: stalls.between,
    running: new Map(),
    holders: new Map(),
    outcomes: parts.outcomes,
    onFailure: (error) => {
      canary.hearFailure(error)
      const failure = isSqlError(error) ? SessionError.fromSqlError(error) : error
      const code = isSessionError(failure) ? failure.code : "meant"
      parts.failures.set(code, (parts.failures.get(code) ?? 0) + 1)
    }
  }

  const clock = new WallClock()
  const victims: Victims = {
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
  const ends = performance.now() + parts.millis
  const striking = yield* Effect.forkChild(strikes({ ...parts, dice: dice.fork() }, victims, ends))
  const workers = yield* Effect.forEach(Array.from({ length: FIBERS }), () =>
    Effect.forkChild(toil(scene, dice.fork(), ends))
  )
  yield* Fiber.join(striking)
  count.mode = FaultMode.pass
  yield* proxy.setMode(FaultMode.pass)

  const done = Effect.forEach(workers, Fiber.await, { discard: true })
  yield* Effect.timeoutOption(done, SETTLED_MILLIS + GRACE_MILLIS)
  const now = performance.now()
  for (const { due, name } of scene.running.values()) {
    const late = now - due()
    findings.must(late - stalls.between(due(), now) <= GRACE_MILLIS, () => `a ${name} never settled`)
  }
  yield* Effect.sleep(QUIET_MILLIS)
  yield* checkQuiet(scene, proxy, ask)
  scene.book.audit(
    (yield* ask("select id from ledger")).map((row) => Number(row["id"])),
    findings
  )

  const closing = performance.now()
  yield* Scope.close(scope, Exit.void)
  const took = performance.now() - closing
  findings.must(
    took - stalls.between(closing, closing + took) <= SHUTDOWN_MILLIS + GRACE_MILLIS,
    () => `the pool took ${took.toFixed(0)} ms to end`
  )
  findings.must(proxy.open() === 0, () => `${proxy.open()} sockets are open though the pool has ended`)
  canary.hearValue("the last snapshot", yield* pool.snapshot)
  const { book } = scene
  return {
    rows: book.size,
    committed: book.count("once"),
    unknown: book.count("maybe"),
    mostSessions: count.most,
    cancels: count.cancels
  }
})

/** One thing after another until the time is over, with short rests. */
const toil = (scene: Scene, dice: Dice, ends: number): Effect.Effect<void> =>
  Effect.suspend(() => Effect.andThen(work(scene, dice), Effect.sleep(dice.int(0, 40)))).pipe(
    Effect.repeat({ while: () => performance.now() < ends })
  )

/** Strikes until the time is over, then waits until the last fault is over. */
const strikes = Effect.fnUntraced(function* ({ dice, millis, struck }: RoundParts, victims: Victims, ends: number) {
  const places = new Set<string>()
  const under = new Set<Fiber.Fiber<void>>()
  const isMet = (name: FaultName): boolean => {
    const { place } = faults[name]
    if (place !== undefined && places.has(place)) return false
    return place !== "login" || ends - performance.now() < millis * (1 - LOGIN_SHARE)
  }
  while (performance.now() < ends) {
    yield* Effect.sleep(PAUSE.least + (PAUSE.most - PAUSE.least) * dice.next() ** 2)
    const name = dice.weighted(weightsOf(isMet))
    const { place, strike } = faults[name]
    struck.set(name, (struck.get(name) ?? 0) + 1)
    if (place !== undefined) places.add(place)
    const fiber = yield* Effect.forkChild(
      Effect.ensuring(
        strike(victims, dice.fork()),
        Effect.sync(() => places.delete(place ?? ""))
      ),
      { startImmediately: true }
    )
    under.add(fiber)
    fiber.addObserver(() => under.delete(fiber))
  }
  yield* Effect.forEach(under, Fiber.join, { discard: true })
})

const checkQuiet = Effect.fnUntraced(function* (
  scene: Scene,
  proxy: FaultProxy["Service"],
  ask: (sql: string) => Effect.Effect<ReadonlyArray<PgConnection.Row>, unknown>
) {
  const { findings, holders, pool } = scene
  const rows = yield* ask(
    `select pid, state, query from pg_stat_activity where datname = current_database() and application_name like '%${APPLICATION}%'`
  )
  const { closing, connecting, max, open, used, waiting } = yield* pool.snapshot
  const busy = rows.filter((row) => row["state"] !== "idle").map((row) => String(row["query"]))
  findings.must(waiting === 0, () => `${waiting} wait though nobody asks`)
  findings.must(used === 0, () => `${used} sessions are used though nobody works`)
  findings.must(holders.size === 0, () => `${holders.size} leases were never given back`)
  findings.must(open + closing + connecting <= max, () => "more sessions than max")
  findings.must(rows.length <= open, () => `the server has ${rows.length} sessions of ours and the pool ${open}`)
  findings.must(busy.length === 0, () => `the server still runs ${busy.join("; ")}`)
  const sockets = open + closing + connecting
  findings.must(proxy.open() <= sockets, () => `${proxy.open()} sockets are open for ${sockets} sessions`)
})
