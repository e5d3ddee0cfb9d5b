import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"

const LIMIT_BYTES = 100_000

/** Streams at which the driver closes its session, or may close it. */
const streams: ReadonlyArray<readonly [name: string, statement: string]> = [
  ["COPY to the client", "copy (select 1) to stdout"],
  ["COPY from the client", "copy pg_temp.t from stdin"],
  ["a row above maxMessageSize", `select repeat('x', ${2 * LIMIT_BYTES}) as v`],
  ["a row above maxMessageSize after others", `select repeat('x', n * 1000) as v from generate_series(1, 300) n`],
  ["a value without a decoder", "select point(1.5, 200) as p"],
  [
    "a value without a decoder after others",
    "select n, case when n > 500 then point(1.5, 200) end from generate_series(1, 900) n"
  ],
  ["a server error", "select 1 / (500 - n) from generate_series(1, 900) n"]
]

layer(TestPostgres.layer, { excludeTestServices: true })("a session that the driver closed", (it) => {
  for (const pipeline of [0, 8]) {
    it.effect(`is never leased again, to idle, waiting and transactional callers: pipeline ${pipeline}`, () =>
      Effect.gen(function* () {
        const { url } = yield* TestPostgres
        const { pool, sql } = yield* poolAt(
          { url, pool: { min: 1, max: 1, pipeline } },
          { maxMessageSize: LIMIT_BYTES }
        )
        for (const [name, statement] of streams) {
          const run = Stream.runDrain(sql.unsafe(statement).stream)
          const expected = [{ one: 1 }]
          yield* Effect.exit(run)
          assert.deepStrictEqual(yield* sql`select 1 as one`, expected, `${name}, alone`)
          yield* Effect.exit(run)
          assert.deepStrictEqual(yield* sql.withTransaction(sql`select 1 as one`), expected, `${name}, transaction`)
          yield* Effect.exit(run)
          assert.deepStrictEqual(Array.from(yield* Stream.runCollect(sql`select 1 as one`.stream)), expected, name)
          yield* Effect.exit(sql.withTransaction(run))
          yield* Effect.scoped(pool.get)
          const [, ...waiting] = yield* Effect.all([Effect.exit(run), sql`select 1 as one`, sql`select 1 as one`], {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(waiting, [expected, expected], `${name}, waiting`)
        }
      }).pipe(Effect.scoped)
    )
  }
})
