import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { PgClient } from "@effect/sql-pg/PgClient"
import { ScriptedSessions } from "../../../src/testing/ScriptedSessions.ts"

/** How much later than its deadline an operation may end. */
const GRACE = 250

describe("a transaction within others", () => {
  it.effect("that times out delays its caller once for all levels, not once for each", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient
      const server = yield* ScriptedSessions
      const nested = (levels: number): Effect.Effect<void, unknown> =>
        sql.withTransaction(levels === 1 ? Effect.never : nested(levels - 1))
      const limit = 1000
      const caller = yield* Effect.forkChild(Effect.timeoutOption(nested(3), limit), { startImmediately: true })
      yield* TestClock.adjust(limit / 2)
      server.session(1).behave({ roundTripMillis: 150 })
      yield* TestClock.adjust(limit / 2 + GRACE)
      const inTime = caller.pollUnsafe() !== undefined
      yield* TestClock.adjust(limit)
      yield* Fiber.join(caller)
      assert.isTrue(inTime)
    }).pipe(Effect.provide(ScriptedSessions.layerClient({})))
  )

  it.effect("that is rolled back lets the outer one go on, however often", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient
      const server = yield* ScriptedSessions
      const failing = Effect.ignore(sql.withTransaction(Effect.fail("meant")))
      const outer = sql.withTransaction(
        Effect.gen(function* () {
          server.session(1).behave({ roundTripMillis: 150 })
          yield* failing
          yield* failing
          yield* failing
        })
      )
      const fiber = yield* Effect.forkChild(outer, { startImmediately: true })
      yield* TestClock.adjust(5000)
      yield* Fiber.join(fiber)
      assert.strictEqual(server.statements.at(-1)?.sql, "COMMIT")
    }).pipe(Effect.provide(ScriptedSessions.layerClient({})))
  )
})
