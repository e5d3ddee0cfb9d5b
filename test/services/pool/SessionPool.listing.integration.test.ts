import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, untilPool } from "../../PoolHarness.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("What a pool lists", (it) => {
  it.effect("lists the twenty oldest waiters, how long they have waited and how long they will", () =>
    Effect.gen(function* () {
      const { pool } = yield* stack({ pool: { min: 1, max: 1, acquireTimeout: "20 seconds" } })
      assert.deepStrictEqual(yield* pool.waiters, [])
      const released = yield* Deferred.make<void>()
      const held = yield* Effect.forkChild(
        pool.use(() => Deferred.await(released)),
        { startImmediately: true }
      )
      yield* untilPool(pool, "it is held", ({ used }) => used === 1)
      const waiting = yield* Effect.forEach(
        Array.from({ length: 25 }, (_, n) => `report ${n}`),
        (name) =>
          Effect.forkChild(
            Effect.withSpan(
              pool.use(() => Effect.void),
              name
            ),
            { startImmediately: true }
          )
      )
      const waiters = yield* pool.waiters
      assert.strictEqual((yield* pool.snapshot).waiting, 25)
      assert.deepStrictEqual(
        waiters.map(({ holder }) => holder.replace(/ \(fiber #\d+\)$/, "")),
        Array.from({ length: 20 }, (_, n) => `report ${n}`)
      )
      for (const { deadlineMillis, waitingMillis } of waiters) {
        assert.isAtLeast(waitingMillis, 0)
        assert.closeTo(waitingMillis + deadlineMillis, 20_000, 1e-3)
      }
      yield* Deferred.succeed(released, undefined)
      yield* Fiber.joinAll([held, ...waiting])
      assert.deepStrictEqual(yield* pool.waiters, [])
    }).pipe(Effect.scoped)
  )

  it.effect("keeps the last error of each session in one line, also when later statements succeed", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const lastError = Effect.map(pool.sessions, ([entry]) => entry?.lastError)
      yield* sql`select 1`
      assert.isUndefined(yield* lastError)
      yield* Effect.exit(sql`select * from nowhere`)
      assert.match((yield* lastError) ?? "", /^[^\n]*relation "nowhere" does not exist[^\n]*$/)
      yield* sql`select 1`
      assert.include(yield* lastError, "nowhere")
      yield* Effect.exit(sql`select 1 / 0`)
      assert.include(yield* lastError, "division by zero")
    }).pipe(Effect.scoped)
  )
})
