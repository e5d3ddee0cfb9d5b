import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LeasedSession, SessionLease } from "../../../src/services/pool/SessionLease.ts"
import { FaultMode, FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt, stack, untilPool } from "../../PoolHarness.ts"
import { elapsed, timed as onTime } from "../../Timing.ts"

/** A timeout of half a second may take a quarter more to return, also when the peer sends nothing at all. */
const TIMEOUT = 500
const RETURNED_BY = 750

/** Each test waits for most of its time, and none shares anything with another. */
const timed = { ...onTime, concurrent: true }

layer(TestPostgres.layer, { excludeTestServices: true })(
  "on a peer that has gone silent, a timeout returns in time",
  (it) => {
    it.effect(
      "around a query",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          yield* proxy.setMode(FaultMode.blackhole())
          const millis = yield* elapsed(Effect.timeout(sql`select 2`, TIMEOUT))
          assert.isBelow(millis, RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around a running query",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          const query = yield* Effect.forkChild(elapsed(Effect.timeout(sql`select pg_sleep(30)`, TIMEOUT)), {
            startImmediately: true
          })
          yield* proxy.setMode(FaultMode.blackhole())
          assert.isBelow(yield* Fiber.join(query), RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around BEGIN",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          yield* proxy.setMode(FaultMode.when(FaultMode.contains("BEGIN"), FaultMode.blackhole()))
          const millis = yield* elapsed(Effect.timeout(sql.withTransaction(sql`select 2`), TIMEOUT))
          assert.strictEqual(proxy.triggered(), 1)
          assert.isBelow(millis, RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around COMMIT",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          yield* proxy.setMode(FaultMode.when(FaultMode.contains("COMMIT"), FaultMode.blackhole()))
          const millis = yield* elapsed(Effect.timeout(sql.withTransaction(sql`select 2`), TIMEOUT))
          assert.strictEqual(proxy.triggered(), 1)
          assert.isBelow(millis, RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around a statement inside a transaction, whose ROLLBACK cannot be answered either",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          const body = Effect.andThen(proxy.setMode(FaultMode.blackhole()), sql`select 2`)
          assert.isBelow(yield* elapsed(Effect.timeout(sql.withTransaction(body), TIMEOUT)), RETURNED_BY)
        }),
      timed
    )

    // A session with a slow login, so that a round trip may take as long.
    const fromBadMoment = Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const target = { host: postgres.host, port: postgres.port }
      const proxy = yield* FaultProxy.make({ target, mode: FaultMode.delay({ toClientMillis: 300 }) })
      const { sql } = yield* poolAt({ url: proxy.urlThrough(postgres.url), pool: { max: 1 }, shutdownTimeout: 1000 })
      yield* sql`select 1`
      yield* proxy.setMode(FaultMode.pass)
      return { proxy, sql }
    })

    it.effect(
      "around a statement inside a transaction, also when the session's login was slow",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* fromBadMoment
          const body = Effect.andThen(proxy.setMode(FaultMode.blackhole()), sql`select 2`)
          assert.isBelow(yield* elapsed(Effect.timeout(sql.withTransaction(body), TIMEOUT)), RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around the ROLLBACK of a transaction that has failed by itself",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* fromBadMoment
          const body = Effect.andThen(
            sql`select 2`,
            Effect.andThen(proxy.setMode(FaultMode.blackhole()), Effect.fail("no"))
          )
          assert.isBelow(yield* elapsed(Effect.timeout(sql.withTransaction(body), TIMEOUT)), RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around a nested transaction",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          const body = Effect.andThen(proxy.setMode(FaultMode.blackhole()), sql`select 2`)
          const nested = Effect.timeout(sql.withTransaction(body), TIMEOUT)
          const millis = yield* elapsed(sql.withTransaction(Effect.ignore(nested)))
          assert.isBelow(millis, RETURNED_BY + 250)
        }),
      timed
    )

    it.effect(
      "around a stream that was being read",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          const reading = sql`select g, repeat('x', 1000) from generate_series(1, 1000000) g`.stream.pipe(
            Stream.tap(() => proxy.setMode(FaultMode.blackhole())),
            Stream.runDrain
          )
          assert.isBelow(yield* elapsed(Effect.timeout(reading, TIMEOUT)), RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around LISTEN",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          yield* proxy.setMode(FaultMode.when(FaultMode.contains("LISTEN"), FaultMode.blackhole()))
          const millis = yield* elapsed(Effect.timeout(Effect.scoped(sql.listen("silence")), TIMEOUT))
          assert.strictEqual(proxy.triggered(), 1)
          assert.isBelow(millis, RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around listening, whose UNLISTEN gets no reply either",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
          const body = sql
            .listen("silence")
            .pipe(Effect.andThen(proxy.setMode(FaultMode.blackhole())), Effect.andThen(Effect.never), Effect.scoped)
          assert.isBelow(yield* elapsed(Effect.timeout(body, TIMEOUT)), RETURNED_BY)
        }),
      timed
    )

    // How long something may take on a session that listens, when its peer falls silent first.
    const whileListening = (ask: (session: LeasedSession) => Effect.Effect<unknown, unknown>) =>
      Effect.gen(function* () {
        const { pool, proxy } = yield* stack({ pool: { min: 1, max: 2 }, shutdownTimeout: 1000 })
        const queryOf = (session: LeasedSession) =>
          session
            .listen("silence")
            .pipe(
              Effect.andThen(proxy.setMode(FaultMode.blackhole())),
              Effect.andThen(elapsed(Effect.timeout(ask(session), TIMEOUT))),
              Effect.scoped
            )
        return yield* pool.use(queryOf)
      })

    it.effect(
      "around a statement of a session that listens",
      () =>
        Effect.gen(function* () {
          const millis = yield* whileListening((session) => session.execute("select 2", [], undefined))
          assert.isBelow(millis, RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around the probe of a session that listens",
      () =>
        Effect.gen(function* () {
          const millis = yield* whileListening((session) => (session as SessionLease).session!.probe)
          assert.isBelow(millis, RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "around acquiring a session, when the idle one has to be probed first",
      () =>
        Effect.gen(function* () {
          const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 }, shutdownTimeout: 1000 })
          yield* sql`select 1`
          yield* proxy.setMode(FaultMode.blackhole())
          yield* Effect.sleep(1100)
          assert.isBelow(yield* elapsed(Effect.timeout(sql`select 2`, TIMEOUT)), RETURNED_BY)
        }),
      timed
    )

    it.effect(
      "and the pool drains within its shutdown timeout",
      () =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const { proxy, sql } = yield* Scope.provide(stack({ pool: { min: 2, max: 2 }, shutdownTimeout: 2000 }), scope)
          const query = yield* Effect.forkChild(Effect.exit(sql`select pg_sleep(30)`), { startImmediately: true })
          yield* proxy.setMode(FaultMode.blackhole())
          assert.isBelow(yield* elapsed(Scope.close(scope, Exit.void)), 2500)
          const exit = yield* Fiber.join(query)
          assert.isTrue(Exit.isFailure(exit))
        }),
      timed
    )

    it.effect(
      "and the pool goes on with other sessions once the peer is back",
      () =>
        Effect.gen(function* () {
          const { pool, proxy, sql } = yield* stack({ pool: { min: 2, max: 2 }, shutdownTimeout: 1000 })
          yield* untilPool(pool, "min is open", (s) => s.open === 2)
          yield* proxy.setMode(FaultMode.blackhole({ bytes: "drop" }))
          yield* Effect.ignore(Effect.timeout(sql`select 2`, TIMEOUT))
          yield* proxy.setMode(FaultMode.pass)
          const rows = yield* Effect.retry(sql`select 3 as three`, { while: (error) => error.isRetryable, times: 20 })
          assert.strictEqual(rows[0]!["three"], 3)
        }),
      timed
    )
  }
)
