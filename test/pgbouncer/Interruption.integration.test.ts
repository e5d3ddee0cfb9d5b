import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { until, untilPool } from "../PoolHarness.ts"
import { behind, behindPgBouncer, pooler } from "./BehindPgBouncer.ts"
import { elapsed, stopped, timed } from "../Timing.ts"

/** From the pooler's return until all sessions are open again: the longest retry (3.7 s) and the logins of a busy machine. */
const RECOVERY_MILLIS = 5000

behindPgBouncer("a pooler that is paused", (it) => {
  it.effect("keeps open sessions working, and makes new ones wait until RESUME instead of failing", () =>
    Effect.gen(function* () {
      const at = yield* pooler()
      const { pool, sql } = yield* behind(at, { pool: { min: 1, max: 2 } })
      yield* at.bouncer.pause
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      yield* pool.use(() =>
        Effect.gen(function* () {
          const second = yield* Effect.forkChild(sql`select 2 as two`, { startImmediately: true })
          yield* at.proxy.awaitOpen(2)
          assert.deepInclude(yield* pool.snapshot, { open: 1, connecting: 1, waiting: 1 })
          yield* at.bouncer.resume
          assert.deepStrictEqual(yield* Fiber.join(second), [{ two: 2 }])
        })
      )
      const { counters, open } = yield* pool.snapshot
      assert.strictEqual(open, 2)
      assert.deepStrictEqual(
        Object.values(counters.dialsFailed).filter((failed) => failed > 0),
        []
      )
    })
  )

  it.effect(
    "delays a caller until its deadline only",
    () =>
      Effect.gen(function* () {
        const at = yield* pooler()
        yield* at.bouncer.pause
        const { sql } = yield* behind(at, { startup: "lazy", pool: { min: 0, max: 2, acquireTimeout: 300 } })
        assert.isBelow(yield* elapsed(sql`select 1`), 550)
        yield* at.bouncer.resume
        assert.deepStrictEqual(yield* Effect.retry(sql`select 1 as one`, { times: 100 }), [{ one: 1 }])
      }),
    timed
  )
})

behindPgBouncer("a pooler that is restarted", (it) => {
  it.effect(
    "fails running statements with a typed error, and every session is back soon after it",
    () =>
      Effect.gen(function* () {
        const at = yield* pooler()
        const { pool, sql } = yield* behind(at, { pool: { min: 3, max: 5 } })
        yield* untilPool(pool, "min is open", (s) => s.open === 3)
        const running = yield* Effect.forkChild(Effect.flip(sql`select pg_sleep(30)`), { startImmediately: true })
        yield* untilPool(pool, "it runs", (s) => s.used === 1)
        yield* at.bouncer.crash
        const error = SessionError.fromSqlError(yield* Fiber.join(running))
        assert.strictEqual(error?.reason._tag, "SessionLost")
        assert.isTrue(error?.reason._tag === "SessionLost" && error.reason.statementInFlight)
        yield* untilPool(pool, "none is left", (s) => s.open === 0)

        const waiting = yield* Effect.forkChild(sql`select 1 as one`, { startImmediately: true })
        yield* untilPool(pool, "a dial was refused", (s) => s.counters.dialsFailed.network > 0)
        yield* at.bouncer.start
        const [millis, rows] = yield* stopped(
          Effect.tap(Fiber.join(waiting), () => untilPool(pool, "min is back", (s) => s.open >= 3))
        )
        assert.deepStrictEqual(rows, [{ one: 1 }])
        assert.isBelow(millis, RECOVERY_MILLIS)
        assert.isAtMost(at.proxy.maxOpen(), 5)
      }),
    timed
  )

  it.effect("leaves no backend behind without a client", () =>
    Effect.gen(function* () {
      const at = yield* pooler()
      const postgres = yield* TestPostgres
      const { pool } = yield* behind(at, { applicationName: "restarted", pool: { min: 2, max: 2 } })
      const backends = Effect.map(
        Effect.orDie(postgres.admin("select pid from pg_stat_activity where application_name = 'restarted'")),
        (rows) => rows.length
      )
      yield* until(
        "there are two backends",
        Effect.map(backends, (count) => count === 2)
      )
      yield* at.bouncer.crash
      yield* at.bouncer.start
      yield* untilPool(pool, "min is back", (s) => s.open === 2 && s.counters.closed.lost === 2)
      yield* until(
        "there are two backends again",
        Effect.map(backends, (count) => count === 2)
      )
    })
  )

  it.effect("restores the sessions when PostgreSQL behind it was restarted instead", () =>
    Effect.gen(function* () {
      const at = yield* pooler({ server_login_retry: 1 })
      const postgres = yield* TestPostgres
      const { pool, sql } = yield* behind(at, { pool: { min: 2, max: 2 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 2)
      yield* Effect.orDie(postgres.restart)
      yield* untilPool(pool, "min is back", (s) => s.open === 2 && s.counters.closed.lost === 2)
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )
})
