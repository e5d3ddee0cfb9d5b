import { assert, layer } from "@effect/vitest"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, until } from "../../PoolHarness.ts"

const client = Effect.gen(function* () {
  const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
  yield* sql`create table if not exists portals (n int)`
  yield* sql`truncate portals`
  return sql
})

const written = (sql: PgClient) => Effect.map(sql`select n from portals order by n`.values, (rows) => rows.flat())

const numbers = (sql: PgClient, count: number) => sql`select g as n from generate_series(1, ${count}::int) as g`.stream

layer(TestPostgres.layer, { excludeTestServices: true })("a stream inside a transaction", (it) => {
  const leave: Readonly<Record<string, (sql: PgClient) => Effect.Effect<unknown, unknown>>> = {
    "after its first row": (sql) => Stream.runDrain(Stream.take(numbers(sql, 200_000), 1)),
    "in the middle of a later fetch": (sql) => Stream.runDrain(Stream.take(numbers(sql, 200_000), 1000)),
    "by a failure of its consumer": (sql) =>
      Effect.flip(Stream.runForEach(numbers(sql, 200_000), ({ n }) => (n === 70 ? Effect.fail("meant") : Effect.void))),
    "of wide rows": (sql) =>
      Stream.runDrain(Stream.take(sql`select repeat('x', 5000) from generate_series(1, 20000)`.stream, 3)),
    "of a statement that writes": (sql) =>
      Stream.runDrain(
        Stream.take(sql`insert into portals select 1000 from generate_series(1, 1000) returning n`.stream, 1)
      ),
    "in a nested transaction": (sql) => sql.withTransaction(Stream.runDrain(Stream.take(numbers(sql, 200_000), 1))),
    "before a row that would fail": (sql) =>
      Stream.runDrain(Stream.take(sql`select 1 / (200 - g) from generate_series(1, 1000) as g`.stream, 5))
  }

  for (const [name, run] of Object.entries(leave)) {
    it.effect(`is left early without failing the transaction: ${name}`, () =>
      Effect.gen(function* () {
        const sql = yield* client
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`insert into portals values (1)`
            yield* run(sql)
            assert.deepStrictEqual(yield* sql`select count(*)::int as open from pg_cursors where name <> ''`, [
              { open: 0 }
            ])
            yield* sql`insert into portals values (2)`
          })
        )
        assert.includeMembers(yield* written(sql), [1, 2])
      })
    )
  }

  it.effect("delivers every row, at the bounds of its fetches too", () =>
    Effect.gen(function* () {
      const sql = yield* client
      for (const count of [0, 1, 63, 64, 65, 191, 192, 193, 5000]) {
        const rows = yield* sql.withTransaction(Stream.runCollect(numbers(sql, count)))
        assert.deepStrictEqual(
          rows.map(({ n }) => n),
          Array.from({ length: count }, (_, index) => index + 1)
        )
      }
    })
  )

  it.effect("decodes what a statement decodes", () =>
    Effect.gen(function* () {
      const sql = yield* client
      const query = sql`select ${"a"}::text as t, ${[1, 2]}::int[] as a, ${null}::int as n, ${sql.json({ a: 1 })}::jsonb as j, now() as d`
      yield* sql.withTransaction(
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* Stream.runCollect(query.stream), yield* query)
        })
      )
    })
  )

  it.effect("lets other statements and streams run between its rows", () =>
    Effect.gen(function* () {
      const sql = yield* client
      const pairs = yield* sql.withTransaction(
        Stream.runCollect(
          Stream.mapEffect(Stream.take(numbers(sql, 1000), 150), ({ n }) =>
            Effect.gen(function* () {
              yield* sql`insert into portals values (${n})`
              const inner = yield* Stream.runCollect(Stream.take(numbers(sql, 1000), 2))
              return inner.length
            })
          )
        )
      )
      assert.strictEqual(pairs.length, 150)
      assert.strictEqual((yield* written(sql)).length, 150)
    })
  )

  it.effect("fails with the server's error in the middle, and the transaction is rolled back", () =>
    Effect.gen(function* () {
      const sql = yield* client
      const error = yield* Effect.flip(
        sql.withTransaction(
          Effect.andThen(
            sql`insert into portals values (1)`,
            Stream.runDrain(sql`select 1 / (200 - g) from generate_series(1, 1000) as g`.stream)
          )
        )
      )
      assert.strictEqual(SessionError.fromSqlError(error)?.code, "22012")
      assert.deepStrictEqual(yield* written(sql), [])
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )

  it.effect("is not cancelled when its consumer is interrupted: the transaction goes on", () =>
    Effect.gen(function* () {
      const sql = yield* client
      const postgres = yield* TestPostgres
      const isSlow = Effect.map(
        Effect.orDie(postgres.admin("select 1 from pg_stat_activity where wait_event = 'PgSleep'")),
        (rows) => rows.length === 1
      )
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`insert into portals values (1)`
          const reader = yield* Effect.forkChild(
            Stream.runDrain(sql`select g, pg_sleep(0.5) from generate_series(1, 1) as g`.stream),
            { startImmediately: true }
          )
          yield* until("the first fetch runs", isSlow)
          yield* Fiber.interrupt(reader)
          yield* sql`insert into portals values (2)`
        })
      )
      assert.deepStrictEqual(yield* written(sql), [1, 2])
    })
  )

  it.effect("is cancelled with the transaction when that is interrupted", () =>
    Effect.gen(function* () {
      const sql = yield* client
      const slow = Stream.runDrain(sql`select pg_sleep(30)`.stream)
      const result = yield* Effect.timeoutOption(sql.withTransaction(slow), 100)
      assert.strictEqual(result._tag, "None")
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )

  it.effect("refuses parameters that cannot be sent, and the transaction goes on", () =>
    Effect.gen(function* () {
      const sql = yield* client
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`insert into portals values (1)`
          yield* Effect.flip(Stream.runDrain(sql.unsafe("select $1::int", [Symbol("a")]).stream))
          yield* sql`insert into portals values (2)`
        })
      )
      assert.deepStrictEqual(yield* written(sql), [1, 2])
    })
  )
})
