import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { FaultMode } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { stack, until, untilPool } from "../PoolHarness.ts"
import { fatalAnswer } from "./FatalAnswer.ts"
import { stopped, timed } from "../Timing.ts"

/** From the crash until all sessions are open: crash recovery, the longest retry (3.7 s), and a busy machine. */
const RECOVERY_MILLIS = 6000

/** What a timeout of the server may be late by. */
const LATE_MILLIS = 300

const sessionErrorOf = (error: SqlError) => SessionError.fromSqlError(error)!

const runs = (text: string) =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    const sql = "select pid from pg_stat_activity where state = 'active' and query = $1"
    const rows = yield* Effect.orDie(postgres.admin(sql, [text]))
    return rows.map((row) => Number(row["pid"]))
  })

const untilRuns = (text: string) =>
  until(
    `${text} runs`,
    Effect.map(runs(text), (pids) => pids.length === 1)
  )

layer(TestPostgres.layer, { excludeTestServices: true })("a server in trouble", (it) => {
  it.effect(
    "that crashes fails running statements with a typed error, and all sessions are back soon",
    () =>
      Effect.gen(function* () {
        const { pool, sql } = yield* stack({ pool: { min: 3, max: 3 } })
        yield* untilPool(pool, "min is open", (s) => s.open === 3)
        const running = yield* Effect.forkChild(Effect.flip(sql`select pg_sleep(30)`), { startImmediately: true })
        yield* untilRuns("select pg_sleep(30)")
        const idle = (yield* pool.sessions).find(({ statement }) => statement !== "select pg_sleep(30)")
        process.kill(idle!.backendPid, "SIGKILL")
        const [noticed, error] = yield* stopped(Fiber.join(running))
        assert.strictEqual(sessionErrorOf(error).reason._tag, "SessionLost")
        assert.isTrue(error.isRetryable)
        const [recovered, rows] = yield* stopped(
          Effect.tap(sql`select 1 as one`, () =>
            untilPool(pool, "all are open again", (s) => s.open === 3 && s.counters.incidents > 0)
          )
        )
        assert.deepStrictEqual(rows, [{ one: 1 }])
        assert.isBelow(noticed + recovered, RECOVERY_MILLIS)
      }),
    timed
  )

  it.effect("that is starting up is dialled at intervals until it accepts sessions, and no caller fails", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ startup: "lazy", pool: { min: 0, max: 5 } })
      yield* proxy.setMode(FaultMode.garbage(fatalAnswer("57P03", "the database system is starting up")))
      const callers = yield* Effect.forEach([1, 2, 3], (n) =>
        Effect.forkChild(sql`select ${n}::int as n`, { startImmediately: true })
      )
      yield* untilPool(pool, "it was dialled three times", (s) => s.counters.dialsStarted >= 3)
      const { counters, lastFailure } = yield* pool.snapshot
      assert.isAtMost(counters.dialsStarted, 3)
      assert.strictEqual(lastFailure?.code, "57P03")
      yield* proxy.setMode(FaultMode.pass)
      for (const [index, caller] of callers.entries()) {
        assert.deepStrictEqual(yield* Fiber.join(caller), [{ n: index + 1 }])
      }
    })
  )

  it.effect("cancels a statement for another client: the error is no timeout, and the session continues", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const running = yield* Effect.forkChild(Effect.flip(sql`select pg_sleep(29)`), { startImmediately: true })
      yield* untilRuns("select pg_sleep(29)")
      const [pid] = yield* runs("select pg_sleep(29)")
      yield* postgres.admin("select pg_cancel_backend($1)", [pid])
      const error = yield* Fiber.join(running)
      assert.notStrictEqual(error.reason._tag, "StatementTimeoutError")
      assert.include(error.message, "canceling statement due to user request")
      assert.isFalse(error.isRetryable)
      assert.deepStrictEqual(yield* sql`select pg_backend_pid() as pid`, [{ pid }])
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
    })
  )

  it.effect(
    "stops a statement at the configured time and rolls it back, and the session continues",
    () =>
      Effect.gen(function* () {
        const { pool, sql } = yield* stack({ statementTimeout: 400, pool: { min: 1, max: 1 } })
        const began = performance.now()
        const [millis, error] = yield* stopped(Effect.flip(sql`select pg_sleep(28)`))
        assert.isAtLeast(performance.now() - began, 390)
        assert.strictEqual(error.reason._tag, "StatementTimeoutError")
        assert.include(error.message, "canceling statement due to statement timeout")
        assert.isBelow(millis, 400 + LATE_MILLIS)
        assert.deepStrictEqual(yield* runs("select pg_sleep(28)"), [])
        yield* sql`select 1`
        assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
      }),
    timed
  )

  it.effect(
    "ends a session that is idle in a transaction: the error says so, the work is rolled back, and a retry works",
    () =>
      Effect.gen(function* () {
        const { pool, sql } = yield* stack({ idleInTransactionTimeout: 200, pool: { min: 1, max: 1 } })
        yield* sql`create table if not exists idled (n int)`
        const idling = sql.withTransaction(
          Effect.andThen(
            sql`insert into idled values (1)`,
            untilPool(pool, "the server ended it", (s) => s.counters.closed.lost === 1)
          )
        )
        const error = yield* Effect.flip(idling)
        assert.strictEqual(sessionErrorOf(error).code, "25P03")
        assert.include(error.message, "idle-in-transaction timeout")
        assert.isTrue(error.isRetryable)
        assert.deepStrictEqual(yield* sql`select n from idled`, [])
      })
  )

  it.effect("that closes idle sessions by its own timeout causes no error for any caller", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({
        sessionSettings: { idle_session_timeout: "150ms" },
        pool: { min: 2, max: 2 }
      })
      yield* untilPool(pool, "both were closed and replaced", (s) => s.counters.closed.lost >= 2 && s.open === 2)
      yield* Effect.forEach(Array.from({ length: 20 }), () => sql`select 1`, { concurrency: 4 })
      assert.strictEqual((yield* pool.snapshot).counters.acquired.failed, 0)
    })
  )

  it.effect("ends a deadlock, a write conflict and a wait for a lock with retryable errors", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({
        sessionSettings: { lock_timeout: "400ms", deadlock_timeout: "50ms" },
        pool: { min: 2, max: 2 }
      })
      yield* sql`create table if not exists locks (id int primary key, n int)`
      yield* sql`insert into locks values (1, 0), (2, 0)`
      const touch = (id: number) => sql`update locks set n = n + 1 where id = ${id}`
      const both = (first: number, second: number, wait: Effect.Effect<unknown>, reached: Effect.Effect<unknown>) =>
        sql.withTransaction(
          touch(first).pipe(Effect.andThen(reached), Effect.andThen(wait), Effect.andThen(touch(second)))
        )
      const [a, b] = yield* Effect.all([signal, signal])
      const outcomes = yield* Effect.all(
        [Effect.result(both(1, 2, b.wait, a.reach)), Effect.result(both(2, 1, a.wait, b.reach))],
        { concurrency: "unbounded" }
      )
      const failures = outcomes.flatMap((outcome) => (outcome._tag === "Failure" ? [outcome.failure] : []))
      assert.strictEqual(failures.length, 1)
      assert.strictEqual(sessionErrorOf(failures[0]!).code, "40P01")
      assert.isTrue(failures[0]?.isRetryable)

      const conflict = yield* Effect.flip(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`set transaction isolation level repeatable read`
            yield* sql`select n from locks`
            const postgres = yield* TestPostgres
            yield* Effect.orDie(postgres.admin("update locks set n = n + 1 where id = 1"))
            yield* touch(1)
          })
        )
      )
      assert.strictEqual(sessionErrorOf(conflict).code, "40001")
      assert.isTrue(conflict.isRetryable)

      const held = yield* sql.withTransaction(
        Effect.andThen(
          touch(1),
          Effect.flatMap(sql.reserve, (other) =>
            Effect.flip(other.executeRaw("update locks set n = 0 where id = 1", []))
          ).pipe(Effect.scoped)
        )
      )
      assert.strictEqual(sessionErrorOf(held).code, "55P03")
      assert.isTrue(held.isRetryable)
    })
  )

  it.effect("that is read-only refuses a write with an error that says so, and the session continues", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({
        sessionSettings: { default_transaction_read_only: "on" },
        pool: { min: 1, max: 1 }
      })
      const error = sessionErrorOf(yield* Effect.flip(sql`create table never (n int)`))
      assert.strictEqual(error.code, "25006")
      assert.include(error.remedy, "primary")
      yield* sql`select 1`
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
    })
  )

  it.effect("whose tables change under prepared statements returns retryable errors, and the retry succeeds", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* sql`create table if not exists changing (n int)`
      yield* sql`insert into changing values (1)`
      const read = sql`select * from changing`
      assert.deepStrictEqual(yield* read, [{ n: 1 }])
      yield* postgres.admin("alter table changing add column m int default 2")
      assert.deepStrictEqual(yield* Effect.retry(read, { times: 1, while: (error) => error.isRetryable }), [
        { n: 1, m: 2 }
      ])
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
    })
  )
})

const signal = Effect.sync(() => {
  let reach = () => {}
  const reached = new Promise<void>((resolve) => (reach = resolve))
  return { reach: Effect.sync(() => reach()), wait: Effect.promise(() => reached) }
})
