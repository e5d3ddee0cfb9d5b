import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Stream from "effect/Stream"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { stack } from "../PoolHarness.ts"

const MEBIBYTE = 1024 * 1024

/** One more than the driver accepts by default, in mebibytes. */
const TOO_LARGE = 17

layer(TestPostgres.layer, { excludeTestServices: true })("a value", (it) => {
  it.effect("larger than the driver accepts fails its statement with a typed error, and the pool continues", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const error = yield* Effect.flip(sql`select repeat('x', ${TOO_LARGE * MEBIBYTE}::int) as large`)
      const session = SessionError.fromSqlError(error)
      assert.strictEqual(session?.reason._tag, "SessionLost")
      assert.strictEqual(session?.code, "MESSAGE_TOO_LARGE")
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "exceeds maxMessageSize")
      assert.include(session?.remedy, "maxMessageSize")
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )

  it.effect("of any size arrives if maxMessageSize allows it", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } }, { maxMessageSize: 2 * TOO_LARGE * MEBIBYTE })
      const [row] = yield* sql`select repeat('x', ${TOO_LARGE * MEBIBYTE}::int) as large`
      assert.strictEqual(String(row?.["large"]).length, TOO_LARGE * MEBIBYTE)
    })
  )

  it.effect("that PostgreSQL cannot store is refused with its SQLSTATE, and the session continues", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const error = yield* Effect.flip(sql`select ${"a\0b"}::text as said`)
      assert.strictEqual(SessionError.fromSqlError(error)?.code, "22021")
      assert.isFalse(error.isRetryable)
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
    })
  )

  it.effect("that cannot be converted fails with a SessionError, in a statement and in a stream", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      for (const value of [{ a: 1 }, [1, "a"], [[1], 2], Symbol("s"), PgTypes.int4(1.5), new Date(Number.NaN)]) {
        const statement = sql`select ${value as never}::text as v`
        for (const error of [yield* Effect.flip(statement), yield* Effect.flip(Stream.runDrain(statement.stream))]) {
          const session = SessionError.fromSqlError(error)
          assert.strictEqual(session?.code, "PARAMETERS_NOT_SENT", String(value))
          assert.deepStrictEqual([error.isRetryable, error.reason.operation], [false, "query"])
          assert.match(error.message, /cannot be sent: ./)
        }
        assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      }
      const undecoded = yield* Effect.flip(Stream.runDrain(sql`select array[[1], [2]] as v`.stream))
      assert.strictEqual(SessionError.fromSqlError(undecoded)?.code, "RESULT_NOT_DECODED")
    })
  )

  it.effect("at the limit of its type arrives unchanged", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      for (const n of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MAX_SAFE_INTEGER]) {
        assert.deepStrictEqual(yield* sql`select ${n}::float8 as n`, [{ n }])
      }
      const [row] = yield* sql`select (${2n ** 62n}::int8)::text as n`
      assert.strictEqual(row?.["n"], String(2n ** 62n))
      const text = "ä€😀\u0001\\'\"$1"
      assert.deepStrictEqual(yield* sql`select ${text}::text as said`, [{ said: text }])
    })
  )

  it.effect(
    "requested by COPY, which the driver does not support, fails with a typed error, and the next caller is served",
    () =>
      Effect.gen(function* () {
        const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
        yield* sql`create table if not exists copied (n int)`
        for (const text of ["copy copied from stdin", "copy copied to stdout"]) {
          const error = yield* Effect.flip(sql.unsafe(text))
          assert.include(error.message, "COPY is not supported")
          assert.strictEqual(SessionError.fromSqlError(error)?.code, "COPY_UNSUPPORTED")
          assert.isFalse(error.isRetryable)
          assert.strictEqual(error.reason.operation, "query")
          assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
        }
      })
  )
})
