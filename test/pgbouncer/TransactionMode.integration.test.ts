import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { FaultMode } from "../../src/testing/FaultProxy.ts"
import { stack, untilPool } from "../PoolHarness.ts"
import { behind, behindPgBouncer, pooler, otherClient } from "./BehindPgBouncer.ts"
import { stopped, timed } from "../Timing.ts"

const failure = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    assert.instanceOf(error, SessionError)
    return error
  })

const assertExplained = (error: SessionError): void => {
  assert.strictEqual(error.code, "TRANSACTION_MODE")
  assert.strictEqual(error.reason._tag, "ConnectFailed")
  assert.strictEqual(error.class, "configuration")
  assert.isFalse(error.isRetryable)
  assert.include(error.message, "transaction mode")
  assert.include(error.message, "session phase")
  for (const way of ["5432", "pool_mode=session", "DB_CONNECTION_TYPE=supavisor_transaction"]) {
    assert.include(error.remedy, way)
  }
}

behindPgBouncer("a pooler that keeps no session", (it) => {
  for (const mode of ["transaction", "statement"]) {
    for (const min of [0, 1, 2, 5]) {
      it.effect(
        `is detected at the start and explained: pool_mode=${mode}, min=${min}`,
        () =>
          Effect.gen(function* () {
            const at = yield* pooler({ pool_mode: mode })
            assertExplained(yield* failure(behind(at, { pool: { min, max: 5 } })))
            yield* at.proxy.awaitOpen(0)
            assert.isAtMost(at.proxy.maxOpen(), 5)
          }),
        timed
      )
    }
  }

  it.effect("is detected also when it has one server connection for all clients", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ pool_mode: "transaction", default_pool_size: 1 })
      assertExplained(yield* failure(behind(at, { connectionType: "supavisor_session" })))
    })
  )

  it.effect("receives no setting before it is detected, which its other clients would inherit", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ pool_mode: "transaction", default_pool_size: 1 })
      yield* failure(behind(at, { searchPath: "pg_catalog", statementTimeout: "7 seconds" }))
      const other = yield* otherClient(at.bouncer)
      const [row] = yield* other.query(
        "select current_setting('search_path') as path, current_setting('statement_timeout') as st"
      )
      assert.deepStrictEqual(row, { path: '"$user", public', st: "0" })
    })
  )

  it.effect("is detected under traffic when settings and query reach different backends", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ pool_mode: "transaction", default_pool_size: 3 })
      const held = FaultMode.when(FaultMode.contains("set_config"), FaultMode.blackhole(), { matched: "withhold" })
      yield* at.proxy.setMode(held)
      // With max = 1 there is no second connection, so this test is the only one.
      const start = yield* Effect.forkChild(failure(behind(at, { pool: { min: 1, max: 1 } })), {
        startImmediately: true
      })
      yield* at.proxy.awaitTriggered()
      const other = yield* otherClient(at.bouncer, "begin")
      yield* at.proxy.setMode(FaultMode.pass)
      assertExplained(yield* Fiber.join(start))
      assert.strictEqual(at.proxy.maxOpen(), 1)
      yield* other.leave
    })
  )

  it.effect(
    "fails every dial of a pool that does not wait for its first session, and its callers receive the reason",
    () =>
      Effect.gen(function* () {
        const at = yield* pooler({ pool_mode: "transaction" })
        const { pool, sql } = yield* behind(at, { startup: "lazy", pool: { min: 1, max: 2, acquireTimeout: 300 } })
        yield* untilPool(pool, "the first dial failed", (s) => s.counters.dialsFailed.configuration === 1)
        const error = yield* Effect.flip(sql`select 1`)
        assert.include(String(SessionError.fromSqlError(error)?.message), "TRANSACTION_MODE")
      })
  )

  it.effect("serves a pool of type supavisor_transaction", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ pool_mode: "transaction" })
      const { sql } = yield* behind(at, { connectionType: "supavisor_transaction" })
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )
})

behindPgBouncer("a pooler that keeps sessions", (it) => {
  it.effect("is checked on one more connection at the start, within max, and never again", () =>
    Effect.gen(function* () {
      const at = yield* pooler()
      const { pool } = yield* behind(at, { pool: { min: 1, max: 2 } })
      assert.strictEqual(yield* at.proxy.accepted, 2)
      assert.strictEqual(at.proxy.maxOpen(), 2)
      assert.strictEqual(at.proxy.open(), 1, "it is closed by the time the first session is open")
      yield* pool.reset
      yield* untilPool(pool, "it is replaced", (s) => s.open === 1 && s.counters.dialsSucceeded === 2)
      assert.strictEqual(yield* at.proxy.accepted, 3)
    })
  )

  it.effect("is not checked on another connection where max is one", () =>
    Effect.gen(function* () {
      const at = yield* pooler()
      yield* behind(at, { pool: { min: 1, max: 1 } })
      assert.strictEqual(yield* at.proxy.accepted, 1)
    })
  )

  it.effect(
    "may delay the second connection: the start continues without an answer, and leaves nothing behind",
    () =>
      Effect.gen(function* () {
        const at = yield* pooler({ default_pool_size: 1 })
        const [millis, { sql }] = yield* stopped(behind(at, { pool: { min: 1, max: 2 }, connectTimeout: 1000 }))
        assert.isBelow(millis, 1000)
        yield* at.proxy.awaitOpen((open) => open <= 1)
        assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      }),
    timed
  )

  it.effect("may refuse the second connection: the start continues", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ max_client_conn: 1 })
      const { sql } = yield* behind(at, { pool: { min: 1, max: 2 } })
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      assert.strictEqual(yield* at.proxy.accepted, 2)
    })
  )

  it.effect("is distinguished from PostgreSQL itself, which needs no other connection", () =>
    Effect.gen(function* () {
      const { pool, proxy } = yield* stack({ pool: { min: 2, max: 5 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 2)
      assert.strictEqual(yield* proxy.accepted, 2)
    })
  )
})
