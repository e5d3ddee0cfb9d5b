import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import type { PgClient } from "@effect/sql-pg/PgClient"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { backends, stack, until, untilPool } from "../../PoolHarness.ts"

const beginWith = (statement: string) => Effect.provideService(SqlClient.BeginTransaction, statement)

layer(TestPostgres.layer, { excludeTestServices: true })("a transaction on a real server", (it) => {
  const oneSession = stack({ pool: { min: 1, max: 1 } })

  /** A table of its own for each test, in the one database of this file. */
  const table = (sql: PgClient, name: string) =>
    Effect.asVoid(sql.unsafe(`create table if not exists ${name} (n int primary key)`))

  const numbers = (sql: PgClient, name: string) =>
    Effect.map(sql.unsafe<{ readonly n: number }>(`select n from ${name} order by n`), (rows) => rows.map(({ n }) => n))

  it.effect("sends nothing when it runs no statement", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* oneSession
      yield* untilPool(pool, "it is open", (s) => s.idle === 1)
      yield* proxy.setMode(FaultMode.when((_chunk, direction) => direction === "toServer", FaultMode.pass))
      yield* sql.withTransaction(Effect.void)
      yield* Effect.exit(sql.withTransaction(Effect.fail("meant")))
      assert.strictEqual(proxy.triggered(), 0)
      yield* sql`select 1`
      assert.strictEqual(proxy.triggered(), 1)
    })
  )

  it.effect("sends BEGIN and the first statement in one write", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* oneSession
      yield* sql`select 1`
      yield* proxy.setMode(
        FaultMode.when(
          (chunk, direction) => direction === "toServer" && chunk.includes("BEGIN") && chunk.includes("together"),
          FaultMode.pass
        )
      )
      yield* sql.withTransaction(sql`select 1 as together`)
      assert.strictEqual(proxy.triggered(), 1)
    })
  )

  it.effect("begins at the given isolation level", () =>
    Effect.gen(function* () {
      const { sql } = yield* oneSession
      const level = sql.withTransaction(sql`select current_setting('transaction_isolation') as level`)
      assert.deepStrictEqual(yield* level.pipe(beginWith("BEGIN ISOLATION LEVEL SERIALIZABLE")), [
        { level: "serializable" }
      ])
      assert.deepStrictEqual(yield* level, [{ level: "read committed" }])
    })
  )

  it.effect("that cannot begin runs none of its statements, alone or together, and leaves a clean session", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* oneSession
      yield* table(sql, "unbegun")
      const insert = (n: number) => Effect.exit(sql`insert into unbegun values (${n})`)
      const nonsense = beginWith("BEGIN ISOLATION LEVEL nonsense")
      const alone = yield* Effect.flip(sql.withTransaction(sql`insert into unbegun values (0)`).pipe(nonsense))
      assert.include(String(alone), "syntax error")
      for (const concurrency of [1, "unbounded"] as const) {
        const exits = yield* sql
          .withTransaction(Effect.all([insert(1), insert(2), insert(3)], { concurrency }))
          .pipe(nonsense)
        assert.isTrue(exits.every(Exit.isFailure))
      }
      assert.deepStrictEqual(yield* numbers(sql, "unbegun"), [])
      const { counters } = yield* pool.snapshot
      assert.strictEqual(counters.closed.lost + counters.closed["not-recovered"], 0)
    })
  )

  it.effect("still begins when its first statement could not even be sent", () =>
    Effect.gen(function* () {
      const { sql } = yield* oneSession
      yield* table(sql, "unsent")
      const exit = yield* Effect.exit(
        sql.withTransaction(
          Effect.gen(function* () {
            const unsent = yield* Effect.exit(sql`insert into unsent values (${new Map()})`)
            assert.isTrue(Exit.isFailure(unsent))
            yield* sql`insert into unsent values (1)`
            return yield* Effect.fail("meant")
          })
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(yield* numbers(sql, "unsent"), [])
    })
  )

  it.effect("may begin with a stream, a listener, a savepoint or several statements at once", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* oneSession
      yield* table(sql, "firsts")
      const isOpen = Effect.map(sql`select now() <> statement_timestamp() as open`, (rows) => rows[0]?.["open"])
      yield* sql
        .withTransaction(
          Effect.andThen(
            Stream.runDrain(sql`insert into firsts select * from generate_series(1, 3) returning n`.stream),
            Effect.andThen(Effect.map(isOpen, assert.isTrue), Effect.exit(sql`select 1 / 0`))
          )
        )
        .pipe(Effect.exit)
      assert.deepStrictEqual(yield* numbers(sql, "firsts"), [])
      yield* Effect.scoped(
        sql.withTransaction(
          Effect.gen(function* () {
            const context = yield* Effect.context<never>()
            const lease = Context.getUnsafe(context, sql.transactionService)[0] as Effect.Success<typeof pool.get>
            const queue = yield* lease.listen("firsts")
            yield* sql`insert into firsts values (4)`
            assert.strictEqual(yield* Queue.size(queue), 0)
          })
        )
      )
      yield* sql.withTransaction(
        Effect.andThen(
          Effect.exit(sql.withTransaction(Effect.andThen(sql`insert into firsts values (5)`, Effect.fail("meant")))),
          sql`insert into firsts values (6)`
        )
      )
      yield* sql.withTransaction(
        Effect.all(
          [7, 8, 9].map((n) => sql`insert into firsts values (${n})`),
          { concurrency: "unbounded" }
        )
      )
      assert.deepStrictEqual(yield* numbers(sql, "firsts"), [4, 6, 7, 8, 9])
    })
  )

  it.effect("is rolled back as a whole when its first statement is interrupted", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* oneSession
      yield* table(sql, "given_up")
      const exit = yield* Effect.exit(
        sql.withTransaction(
          Effect.andThen(
            Effect.timeoutOption(sql`insert into given_up select 1 from pg_sleep(60)`, 50),
            sql`insert into given_up values (2)`
          )
        )
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(yield* numbers(sql, "given_up"), [])
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )

  it.effect("is not affected by a session that the server ends just before its first statements", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* oneSession
      yield* table(sql, "ended")
      for (let round = 0; round < 10; round++) {
        yield* untilPool(pool, "a session is idle", (s) => s.idle === 1)
        const [pid] = yield* backends
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* postgres.admin("select pg_terminate_backend($1::int)", [pid])
            if (round % 2 === 0)
              yield* until(
                "it is gone",
                Effect.map(backends, (pids) => !pids.includes(pid!))
              )
            yield* Effect.all(
              [1, 2, 3].map((n) => sql`insert into ended values (${round * 10 + n})`),
              { concurrency: "unbounded" }
            )
          })
        )
      }
      assert.strictEqual((yield* numbers(sql, "ended")).length, 30)
    })
  )
})
