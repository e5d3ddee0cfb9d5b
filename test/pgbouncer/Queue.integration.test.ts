import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { FaultMode } from "../../src/testing/FaultProxy.ts"
import { untilPool } from "../PoolHarness.ts"
import { behind, behindPgBouncer, pooler, otherClient } from "./BehindPgBouncer.ts"
import { elapsed, timed } from "../Timing.ts"

/** What an acquire may take beyond its deadline. */
const GRACE_MILLIS = 250

behindPgBouncer("a pooler that lets clients in and then queues them", (it) => {
  it.effect(
    "delays a caller only until its own deadline, not for the pooler's minute",
    () =>
      Effect.gen(function* () {
        const at = yield* pooler({ default_pool_size: 1 })
        const other = yield* otherClient(at.bouncer)
        const { sql } = yield* behind(at, {
          startup: "lazy",
          pool: { min: 0, max: 2, acquireTimeout: 500 },
          connectTimeout: 400
        })
        let error: SessionError | undefined
        const caller = Effect.map(Effect.flip(sql`select 1`), (failure) => {
          error = SessionError.fromSqlError(failure)
        })
        const began = performance.now()
        const millis = yield* elapsed(caller)
        assert.isAtLeast(performance.now() - began, 490)
        assert.isBelow(millis, 500 + GRACE_MILLIS)
        assert.strictEqual(error?.reason._tag, "AcquireTimeout")
        assert.include(error?.message, `127.0.0.1:${at.proxy.port} (session phase`, "it names the pooler and the phase")
        yield* other.leave
      }),
    timed
  )

  it.effect("is left by a dial that timed out, and keeps nothing of it", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ default_pool_size: 1 })
      const other = yield* otherClient(at.bouncer)
      const { pool, sql } = yield* behind(at, {
        startup: "lazy",
        pool: { min: 0, max: 1, acquireTimeout: 10_000 },
        connectTimeout: 300
      })
      const caller = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
      yield* untilPool(pool, "two dials were given up", (s) => s.counters.dialsFailed.network === 2)
      assert.isAtMost(at.proxy.maxOpen(), 1, "each had left before the next came")
      yield* other.leave
      assert.deepStrictEqual(yield* Fiber.join(caller), [{ one: 1 }])
      assert.strictEqual(at.proxy.open(), 1)
    })
  )

  it.effect(
    "gives the waiting dial its session as soon as another client disconnects",
    () =>
      Effect.gen(function* () {
        const at = yield* pooler({ default_pool_size: 1 })
        const other = yield* otherClient(at.bouncer)
        yield* at.proxy.setMode(FaultMode.when(FaultMode.contains("pg_backend_pid"), FaultMode.pass))
        const { pool, sql } = yield* behind(at, { startup: "lazy", pool: { min: 0, max: 1 } })
        const caller = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
        yield* at.proxy.awaitTriggered()
        const queued = yield* pool.snapshot
        assert.deepInclude(queued, { connecting: 1, open: 0, waiting: 1 }, "logged in is not yet a session")
        yield* other.leave
        assert.isBelow(yield* elapsed(Fiber.join(caller)), 500)
        assert.strictEqual(yield* at.proxy.accepted, 1)
      }),
    timed
  )

  it.effect("refuses a session above its limit with query_wait_timeout, and the pool works with the others", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ default_pool_size: 2, query_wait_timeout: 1 })
      const other = yield* otherClient(at.bouncer)
      const { pool, sql } = yield* behind(at, { pool: { min: 1, max: 3 } })
      const first = yield* Effect.forkChild(
        pool.use(() => untilPool(pool, "one more was refused", (s) => s.counters.dialsFailed.capacity === 1)),
        { startImmediately: true }
      )
      const second = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
      yield* Fiber.join(first)
      assert.deepStrictEqual(yield* Fiber.join(second), [{ one: 1 }])
      const snapshot = yield* pool.snapshot
      assert.deepInclude(snapshot, { open: 1, ceiling: 1, max: 3 })
      assert.strictEqual(snapshot.lastFailure?.code, "PGBOUNCER_QUERY_WAIT_TIMEOUT")
      yield* other.leave
    })
  )

  it.effect("explains query_wait_timeout to a program that fails fast", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ default_pool_size: 1, query_wait_timeout: 1 })
      const other = yield* otherClient(at.bouncer)
      const error = yield* Effect.flip(behind(at, { startup: "fail-fast" }))
      assert.instanceOf(error, SessionError)
      assert.strictEqual(error.code, "PGBOUNCER_QUERY_WAIT_TIMEOUT")
      assert.strictEqual(error.class, "capacity")
      assert.include(error.message, "session phase")
      assert.include(error.remedy, "pool_size")
      yield* other.leave
    })
  )
})

behindPgBouncer("a pooler with a limit of clients", (it) => {
  it.effect("refuses at once: callers share the granted sessions, and the pool grows when other clients leave", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ max_client_conn: 3 })
      const other = yield* otherClient(at.bouncer)
      const { pool } = yield* behind(at, { pool: { min: 1, max: 4 } })
      let together = 0
      let most = 0
      const caller = (wanted: number) =>
        pool.use(() =>
          Effect.sync(() => {
            most = Math.max(most, ++together)
          }).pipe(
            Effect.andThen(
              untilPool(pool, "enough are lent and one was refused", (s) => {
                return most >= wanted && s.counters.dialsFailed.capacity > 0
              })
            ),
            Effect.ensuring(Effect.sync(() => together--))
          )
        )
      yield* Effect.forEach([1, 2, 3, 4], () => caller(2), { concurrency: "unbounded" })
      assert.strictEqual(most, 2)
      const refused = yield* pool.snapshot
      assert.deepInclude(refused, { open: 2, ceiling: 2 })
      assert.strictEqual(refused.lastFailure?.code, "PGBOUNCER_MAX_CLIENT_CONN")

      yield* other.leave
      yield* Effect.forEach([1, 2, 3], () => caller(3), { concurrency: "unbounded" })
      assert.strictEqual((yield* pool.snapshot).ceiling, 3)
    })
  )
})
