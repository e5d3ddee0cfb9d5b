import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import { stack, untilPool } from "../PoolHarness.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"

/** PostgreSQL's own number of the type `point` (pg_type.dat). */
const POINT_OID = 600

layer(TestPostgres.layer, { excludeTestServices: true })("the SQL client over the pool", (it) => {
  it.effect("answers statements as Effect's own client does: objects, values, raw, unprepared", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 2 } })
      const statement = sql`select ${1}::int as a, ${"x"}::text as b`
      assert.deepStrictEqual(yield* statement, [{ a: 1, b: "x" }])
      assert.deepStrictEqual(yield* statement.values, [[1, "x"]])
      assert.deepStrictEqual(yield* statement.unprepared, [{ a: 1, b: "x" }])
      assert.strictEqual(((yield* statement.raw) as { command: string }).command, "SELECT")
    })
  )

  it.effect("prepares a repeated statement once per session", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      for (let n = 0; n < 5; n++) yield* sql`select ${n}::int as repeated`
      const rows = yield* sql`select count(*)::int as n from pg_prepared_statements where statement like '%as repeated%'
        and statement not like '%count(*)%'`
      assert.deepStrictEqual(rows, [{ n: 1 }])
    })
  )

  it.effect("streams a large result in pieces and releases the session when the reader stops early", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const rows = sql`select g from generate_series(1, 100000) g`.stream
      assert.strictEqual(yield* Stream.runCount(rows), 100_000)
      const first = yield* Stream.runCollect(Stream.take(rows, 3))
      assert.deepStrictEqual(Array.from(first), [{ g: 1 }, { g: 2 }, { g: 3 }])
      yield* untilPool(pool, "the session is free again", (s) => s.used === 0)
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )

  it.effect("writes and reads JSON", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const [row] = yield* sql`select ${sql.json({ a: [1, 2] })}::jsonb as j`
      assert.deepStrictEqual(row, { j: { a: [1, 2] } })
    })
  )

  it.effect("transforms names both ways", () =>
    Effect.gen(function* () {
      const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
      const camel = (name: string) => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
      const { sql } = yield* stack(
        { pool: { min: 1, max: 1 } },
        { transformQueryNames: snake, transformResultNames: camel }
      )
      yield* sql`create table if not exists ${sql("namedThings")} (${sql("firstName")} text)`
      yield* sql`insert into ${sql("namedThings")} ${sql.insert({ firstName: "Ada" })}`
      assert.deepStrictEqual(yield* sql`select * from named_things`, [{ firstName: "Ada" }])
      assert.deepStrictEqual(yield* sql.withoutTransforms()`select * from named_things`, [{ first_name: "Ada" }])
    })
  )

  it.effect("decodes a type the application brings a codec for", () =>
    Effect.gen(function* () {
      const types = PgTypes.makeRegistry()
      types.register(POINT_OID, {
        decode: (bytes) => {
          const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
          return Result.succeed({ x: view.getFloat64(0), y: view.getFloat64(8) })
        },
        encode: () => Result.succeed(new Uint8Array())
      })
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } }, { types })
      assert.deepStrictEqual(yield* sql`select point(1, 2) as p`, [{ p: { x: 1, y: 2 } }])
    })
  )

  it.effect("commits, rolls back, nests with savepoints, and runs afterCommit only after the commit", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 2 } })
      yield* sql`create table if not exists ledger (n int)`
      const told: Array<string> = []
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql.afterCommit(Effect.sync(() => told.push("outer")))
          yield* sql`insert into ledger values (1)`
          yield* Effect.ignore(
            sql.withTransaction(
              Effect.gen(function* () {
                yield* sql`insert into ledger values (2)`
                yield* sql.afterCommit(Effect.sync(() => told.push("never")))
                return yield* Effect.fail("inner")
              })
            )
          )
          yield* sql.withTransaction(sql`insert into ledger values (3)`)
          assert.deepStrictEqual(told, [])
        })
      )
      yield* Effect.ignore(sql.withTransaction(Effect.andThen(sql`insert into ledger values (4)`, Effect.fail("no"))))
      assert.deepStrictEqual(yield* sql`select n from ledger order by n`, [{ n: 1 }, { n: 3 }])
      assert.deepStrictEqual(told, ["outer"])
      yield* untilPool(pool, "nothing is lent", (s) => s.used === 0)
    })
  )

  it.effect("begins with the given isolation level", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const rows = yield* sql
        .withTransaction(sql`select current_setting('transaction_isolation') as level`)
        .pipe(Effect.provideService(SqlClient.BeginTransaction, "BEGIN ISOLATION LEVEL SERIALIZABLE"))
      assert.deepStrictEqual(rows, [{ level: "serializable" }])
    })
  )

  it.effect("fails the COMMIT of a transaction with a swallowed failure, which was rolled back", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const error = yield* Effect.flip(sql.withTransaction(Effect.ignore(sql`select 1/0`)))
      assert.include(error.message, "rolled back at COMMIT")
      assert.isFalse(error.isRetryable)
    })
  )

  it.effect("keeps the server's message and SQLSTATE in the error of a statement, and the reason's class", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* sql`create table if not exists single (n int primary key)`
      yield* sql`insert into single values (1)`
      const duplicate = yield* Effect.flip(sql`insert into single values (1)`)
      assert.strictEqual(duplicate.reason._tag, "UniqueViolation")
      assert.include(duplicate.message, "duplicate key value violates unique constraint")
      const missing = yield* Effect.flip(sql`select * from nowhere`)
      assert.strictEqual(missing.reason._tag, "SqlSyntaxError")
      assert.strictEqual((missing.reason.cause as { code: string }).code, "42P01")
      const slow = yield* Effect.flip(
        sql.withTransaction(Effect.andThen(sql`set local statement_timeout = 50`, sql`select pg_sleep(5)`))
      )
      assert.strictEqual(slow.reason._tag, "StatementTimeoutError")
    })
  )

  it.effect("puts the true host, port and database on its spans", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.Span> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        }
      })
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* Effect.withTracer(sql`select 1`, tracer)
      const attributes = spans.map((span) => Object.fromEntries(span.attributes)).find((a) => "server.port" in a)
      assert.strictEqual(attributes?.["server.address"], proxy.host)
      assert.strictEqual(attributes?.["server.port"], proxy.port)
      assert.strictEqual(attributes?.["db.namespace"], "postgres")
    })
  )

  it.effect("provides PgClient and SqlClient as one and the same client", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const context = yield* Layer.build(Layer.succeed(PgClient, sql))
      assert.strictEqual(Context.get(context, PgClient), sql)
      assert.strictEqual(sql.driver, "pg")
    })
  )
})
