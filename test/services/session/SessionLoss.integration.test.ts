import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { backends, stack, until, untilPool } from "../../PoolHarness.ts"

const terminate = (pids: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const postgres = yield* TestPostgres
    yield* Effect.orDie(
      postgres.admin("select pg_terminate_backend(p) from unnest($1::int[]) p", [`{${pids.join(",")}}`])
    )
  })

layer(TestPostgres.layer, { excludeTestServices: true })("when a session is lost", (it) => {
  it.effect("while idle, the next caller is not affected", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 3, max: 3 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 3)
      yield* terminate(yield* backends)
      const pids = yield* Effect.forEach(Array.from({ length: 20 }), () => sql`select pg_backend_pid() as pid`, {
        concurrency: 5
      })
      assert.strictEqual(pids.length, 20)
    })
  )

  it.effect("while busy, its caller gets a retryable error with the server's message, and no other caller does", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 2, max: 2 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 2)
      const victim = yield* Effect.forkChild(Effect.flip(sql`select pg_sleep(30)`), { startImmediately: true })
      const postgres = yield* TestPostgres
      const running = Effect.map(
        Effect.orDie(
          postgres.admin("select pid from pg_stat_activity where query = 'select pg_sleep(30)' and state = 'active'")
        ),
        (rows) => rows.map((row) => Number(row["pid"]))
      )
      yield* until(
        "the statement runs",
        Effect.map(running, (pids) => pids.length === 1)
      )
      yield* terminate(yield* running)
      const error = yield* Fiber.join(victim)
      assert.isTrue(error.isRetryable)
      assert.include(error.message, "terminating connection due to administrator command")
      const session = SessionError.fromSqlError(error)!
      assert.strictEqual(session.reason._tag, "SessionLost")
      assert.include(session.code, "57P01")
      assert.strictEqual((yield* sql`select 1 as one`)[0]!["one"], 1)
    })
  )

  it.effect("in a transaction, the error is typed and retryable, and a retry succeeds", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 2 } })
      yield* sql`create table if not exists loss (n int)`
      let attempts = 0
      yield* sql
        .withTransaction(
          Effect.gen(function* () {
            attempts++
            yield* sql`insert into loss values (${attempts})`
            if (attempts === 1) yield* sql`select pg_terminate_backend(pg_backend_pid())`
          })
        )
        .pipe(Effect.retry({ times: 3, while: (error) => error.isRetryable }))
      assert.strictEqual(attempts, 2)
      assert.deepStrictEqual(yield* sql`select n from loss`, [{ n: 2 }])
    })
  )

  it.effect("between COMMIT and its reply, the outcome is unknown and not retried", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 } })
      yield* sql`create table if not exists commits (n int)`
      yield* proxy.setMode(
        FaultMode.when(FaultMode.contains("COMMIT", "toClient"), FaultMode.reset, { matched: "withhold" })
      )
      const error = yield* Effect.flip(sql.withTransaction(sql`insert into commits values (1)`))
      yield* proxy.setMode(FaultMode.pass)
      assert.isFalse(error.isRetryable)
      assert.strictEqual(SessionError.fromSqlError(error)?.reason._tag, "OutcomeUnknown")
      assert.deepStrictEqual(yield* sql`select n from commits`, [{ n: 1 }])
    })
  )

  it.effect("before COMMIT was sent, the error is retryable: the server rolled back", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* sql`create table if not exists early (n int)`
      const error = yield* Effect.flip(
        sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`insert into early values (1)`
            yield* proxy.cutAll("reset")
            yield* untilPool(pool, "the loss was noticed", (s) => s.counters.closed.lost === 1)
          })
        )
      )
      assert.isTrue(error.isRetryable)
      assert.strictEqual(SessionError.fromSqlError(error)?.reason._tag, "SessionLost")
      assert.deepStrictEqual(yield* sql`select n from early`, [])
    })
  )

  it.effect("all at once, it is one incident and min is restored automatically", () =>
    Effect.gen(function* () {
      const { pool, proxy } = yield* stack({ pool: { min: 5, max: 5 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 5)
      yield* proxy.cutAll("reset")
      yield* untilPool(pool, "min is back", (s) => s.open === 5 && s.counters.closed.lost === 5)
      yield* untilPool(pool, "the incident was counted", (s) => s.counters.incidents === 1)
    })
  )

  it.effect("during a result, rows are never delivered in part", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* sql`select 1`
      yield* proxy.setMode(FaultMode.afterServerBytes(50_000, FaultMode.reset))
      const error = yield* Effect.flip(sql`select repeat('x', 1000) from generate_series(1, 500)`)
      assert.isTrue(error.isRetryable)
    })
  )

  it.effect("by garbage on the wire, the session ends with a typed error and the pool continues", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 } })
      yield* sql`select 1`
      yield* proxy.setMode(FaultMode.garbage())
      const error = yield* Effect.flip(sql`select pg_sleep(1)`)
      assert.strictEqual(error._tag, "SqlError")
      yield* proxy.setMode(FaultMode.pass)
      const rows = yield* Effect.retry(sql`select 1 as one`, { times: 5 })
      assert.strictEqual(rows[0]!["one"], 1)
    })
  )
})
