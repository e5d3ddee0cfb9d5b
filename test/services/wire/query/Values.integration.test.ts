/** Compared with the driver: both must encode and decode a value alike. */
import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import fc from "fast-check"
import { TestPostgres } from "../../../../src/testing/TestPostgres.ts"
import { parameterOf } from "../../../../src/services/wire/query/ParameterTypes.ts"
import { poolAt } from "../../../PoolHarness.ts"

/** Values, with an explicit type in the statement where one is needed. */
const scalar = fc.oneof(
  fc.record({ value: fc.integer(), as: fc.constant("") }),
  fc.record({ value: fc.maxSafeInteger(), as: fc.constant("") }),
  fc.record({ value: fc.double({ noDefaultInfinity: true, noNaN: true }), as: fc.constant("") }),
  fc.record({ value: fc.boolean(), as: fc.constant("") }),
  fc.record({ value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), as: fc.constant("") }),
  fc.record({
    value: fc.string({ unit: "binary" }).map((text) => text.replaceAll("\0", "")),
    as: fc.constantFrom("::text", "::varchar")
  }),
  fc.record({ value: fc.integer().map(String), as: fc.constantFrom("::int8", "::numeric", "::text") }),
  fc.record({ value: fc.uuid(), as: fc.constant("::uuid") }),
  fc.record({
    value: fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
    as: fc.constant("")
  }),
  fc.record({ value: fc.uint8Array(), as: fc.constant("") }),
  fc.record({ value: fc.constantFrom(null, undefined), as: fc.constantFrom("::int", "::text", "::timestamptz") }),
  fc.record({ value: fc.jsonValue().map((json) => PgTypes.jsonb(json)), as: fc.constant("") }),
  fc.record({ value: fc.array(fc.integer()), as: fc.constant("::int4[]") }),
  fc.record({
    value: fc.array(fc.option(fc.string().map((text) => text.replaceAll("\0", "")))),
    as: fc.constant("::text[]")
  })
)

/** Statements that both run; each is a round trip or two. */
const RUNS = 150

layer(TestPostgres.layer, { excludeTestServices: true })("values, beside the driver's", (it) => {
  it.effect("arrive alike, by name and by position, prepared and not", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const driver = yield* PgConnection.make({ url: postgres.url })
      const { pool } = yield* poolAt({ url: postgres.url, pool: { min: 1, max: 1 } })
      const property = fc.asyncProperty(
        fc.array(scalar, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (values, prepare) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const columns = values.map(({ as }, index) => `$${index + 1}${as} as "c${index}"`)
              const sql = `select ${columns.join(", ")}`
              const params = values.map(({ value }) => value)
              const theirs = yield* Effect.exit(driver.query(sql, params, prepare))
              const ours = yield* Effect.exit(
                pool.use((session): Effect.Effect<unknown, SqlError> =>
                  prepare ? session.executeRaw(sql, params) : session.executeUnprepared(sql, params, undefined)
                )
              )
              // The driver does not send an array of nulls.
              if (Exit.isFailure(theirs)) return
              if (Exit.isFailure(ours)) return assert.fail(String(ours.cause))
              if (prepare) assert.deepStrictEqual(ours.value, theirs.value)
              else assert.deepStrictEqual(ours.value, theirs.value.rows)
              const byPosition = yield* pool.use((session) => session.executeValues(sql, params))
              assert.deepStrictEqual(byPosition, yield* driver.queryValues(sql, params))
            })
          )
      )
      yield* Effect.promise(() => fc.assert(property, { numRuns: RUNS }))
    })
  )

  it.effect("that cannot be sent fail their statement before anything is written, and the session goes on", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* poolAt({ url: postgres.url, pool: { min: 1, max: 1 } })
      for (const value of [Symbol("no"), [[1], 1], [1, "one"], [true, 0], new Map(), { a: 1 }, [{}], [new Date(), 1]]) {
        const error = yield* Effect.flip(sql`select ${value as never}`)
        assert.match(error.message, /cannot be sent: parameter \$1: (a|an) \w+ /)
      }
      const error = yield* Effect.flip(
        sql.unsafe(
          "select 1",
          Array.from({ length: 65_536 }, () => 1)
        )
      )
      assert.include(error.message, "cannot be sent: PostgreSQL takes 65535 parameters in a statement")
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 1)
    })
  )

  it.effect("come under any column name, also one that an assignment would lose", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { sql } = yield* poolAt({ url: postgres.url, pool: { min: 1, max: 1 } })
      const [row] = yield* sql.unsafe<Record<string, unknown>>(`select 1 as "__proto__", 2 as "constructor", 3 as "3"`)
      assert.deepStrictEqual(Object.entries(row!), [
        ["3", 3],
        ["__proto__", 1],
        ["constructor", 2]
      ])
    })
  )
})

describe("the type of a parameter", () => {
  it("is int4 as far as that reaches, then int8, then float8", () => {
    const oids = [1, -(2 ** 31), 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 0.5].map(
      (value) => parameterOf(value, undefined).oid
    )
    const { float8, int4, int8 } = PgTypes.OID
    assert.deepStrictEqual(oids, [int4, int4, int4, int8, int8, float8, float8])
  })

  it("is the server's to find for text, null and an empty array, and text for text in an array", () => {
    const oids = ["text", null, undefined, []].map((value) => parameterOf(value, undefined).oid)
    assert.deepStrictEqual(oids, [0, 0, 0, 0])
    assert.strictEqual(parameterOf(["a", null], undefined).oid, PgTypes.arrayOidFor(PgTypes.OID.text))
  })
})
