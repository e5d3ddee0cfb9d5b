/** A driver whose socket listeners are not found keeps the socket: statements are slower, and mean the same. */
import { assert, layer, vi } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as SupavisorLayer from "../../../src/layers/SupavisorLayer.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { until, untilPool } from "../../PoolHarness.ts"

/** A pool whose sessions do not find the driver's listeners, and the warnings that it logs. */
const driverOnly = Effect.gen(function* () {
  const { url } = yield* TestPostgres
  const warnings: Array<unknown> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    if (logLevel === "Warn") warnings.push(message)
  })
  const listeners = vi.spyOn(Net.Socket.prototype, "listeners").mockReturnValue([])
  const context = yield* Layer.build(
    SupavisorLayer.layer({ url, pool: { min: 2, max: 2, pipeline: 4 } }).pipe(Layer.provide(Logger.layer([logger])))
  )
  const pool = Context.get(context, SessionPool)
  yield* untilPool(pool, "both sessions are open", ({ open }) => open === 2)
  listeners.mockRestore()
  return { pool, sql: Context.get(context, PgClient), warnings }
})

layer(TestPostgres.layer, { excludeTestServices: true })("a session that leaves the socket to the driver", (it) => {
  it.effect("answers statements, shares sessions, and logs one warning", () =>
    Effect.gen(function* () {
      const { pool, sql, warnings } = yield* driverOnly
      const numbers = Array.from({ length: 20 }, (_value, n) => n)
      for (let round = 0; round < 3; round++) {
        const rows = yield* Effect.forEach(numbers, (n) => sql`select ${n}::int as n`, { concurrency: "unbounded" })
        assert.deepStrictEqual(
          rows,
          numbers.map((n) => [{ n }])
        )
      }
      assert.deepStrictEqual(yield* sql`select 1 as one, 'x' as text`.values, [[1, "x"]])
      assert.strictEqual((yield* Effect.flip(sql`select 1 / 0`)).reason._tag, "UnknownError")
      assert.deepStrictEqual(yield* Stream.runCollect(sql`select g from generate_series(1, 3) g`.stream), [
        { g: 1 },
        { g: 2 },
        { g: 3 }
      ])
      yield* untilPool(pool, "the sessions are idle again", ({ idle }) => idle === 2)
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 2)
      assert.strictEqual(warnings.length, 1)
      assert.match(String(warnings[0]), /all statements go through the driver/)
    })
  )

  it.effect("commits and rolls back transactions", () =>
    Effect.gen(function* () {
      const { sql } = yield* driverOnly
      yield* sql`create table driven (n int)`
      yield* sql.withTransaction(sql`insert into driven values (1)`)
      yield* Effect.flip(sql.withTransaction(Effect.andThen(sql`insert into driven values (2)`, sql`select 1 / 0`)))
      assert.deepStrictEqual(yield* sql`select n from driven`, [{ n: 1 }])
    })
  )

  it.effect("uses the session of an interrupted statement again", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* driverOnly
      const left = yield* Effect.forkChild(sql`select pg_sleep(60)`, { startImmediately: true })
      yield* until(
        "the statement runs",
        Effect.map(pool.sessions, (sessions) => sessions.some(({ runningMillis }) => runningMillis !== undefined))
      )
      yield* Fiber.interrupt(left)
      yield* untilPool(pool, "the sessions are idle again", ({ idle }) => idle === 2)
      assert.strictEqual((yield* pool.snapshot).counters.dialsSucceeded, 2)
    })
  )

  it.effect("listens", () =>
    Effect.gen(function* () {
      const { sql } = yield* driverOnly
      const queue = yield* sql.listen("news")
      yield* sql.notify("news", "hello")
      assert.strictEqual((yield* Queue.take(queue)).payload, "hello")
    })
  )
})
