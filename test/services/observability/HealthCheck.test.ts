import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { poolFixture } from "../../http/PoolFixture.ts"
import { ONE_INTERVAL, watch, wordsOf } from "./HealthScenario.ts"
import { hold, holdMany, advance, withPool } from "../pool/PoolScenario.ts"

const two = { pool: { min: 2, max: 2 } }

describe("HealthCheck", () => {
  it.effect("is starting until the first session, and checks right after it", () =>
    withPool({ dials: Dial.succeeds(200), session: { roundTripMillis: 5 } }, { pool: { min: 1, max: 2 } }, ({ pool }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* TestClock.adjust(199)
        const before = yield* health.current
        assert.deepStrictEqual([wordsOf(before), before.started], ["Starting", false])
        yield* TestClock.adjust(6)
        const after = yield* health.current
        assert.deepStrictEqual([wordsOf(after), after.started, after.latencyMillis], ["Up", true, 5])
      })
    )
  )

  it.effect("reports a pool without sessions and acquires as up, and opens no session", () =>
    withPool({}, { pool: { min: 0, max: 2 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(yield* health.state, "Up")
        assert.isTrue((yield* health.current).started)
        assert.strictEqual(server.dialsStarted.length, 0)
        yield* pool.use(() => Effect.void)
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual([yield* health.state, (yield* pool.snapshot).open], ["Up", 0])
        assert.strictEqual(server.dialsStarted.length, 1)
      })
    )
  )

  it.effect("checks every interval, a tenth more or less, with the session that was idle for longest", () =>
    withPool({}, two, ({ pool, server }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* TestClock.adjust("10 minutes")
        const checks = new Set(health.seen.map(({ checkedAt }) => checkedAt)).size
        assert.isAtLeast(checks, 19)
        assert.isAtMost(checks, 24)
        // Both were probed within the last two intervals.
        for (const session of server.sessions) assert.isAtLeast(session.lastReceivedAt(), 600_000 - 2 * ONE_INTERVAL)
        assert.strictEqual((yield* pool.snapshot).counters.acquired.immediate, 0)
      })
    )
  )

  it.effect("reports a full pool that answers as degraded, and never queues before a query", () =>
    withPool({ statements: { "select 1": [] } }, two, (scenario) =>
      Effect.gen(function* () {
        const { pool } = scenario
        const health = yield* watch(pool)
        const held = yield* holdMany(pool, 2)
        for (let n = 0; n < 4; n++) {
          yield* advance(scenario, ONE_INTERVAL, 1000, ({ waiting }) => assert.strictEqual(waiting, 0))
          yield* Effect.orDie(held[1]!.lease()!.executeRaw("select 1", []))
        }
        const { consecutiveFailures } = yield* health.current
        assert.deepStrictEqual([yield* health.state, consecutiveFailures], ["Degraded:saturated", 0])
        const waiter = yield* hold(pool)
        yield* TestClock.adjust(1000)
        yield* held[0]!.release
        assert.isDefined(waiter.lease())
        for (const { release } of [held[1]!, waiter]) yield* release
        yield* TestClock.adjust(ONE_INTERVAL)
        assert.strictEqual(yield* health.state, "Up")
        assert.strictEqual((yield* pool.snapshot).counters.acquired.waited, 1)
      })
    )
  )

  it.effect("reports a full pool as down when no statement is answered, and as up when one is", () => {
    const answer = Deferred.makeUnsafe<void>()
    return withPool(
      { statements: { "select slow": Effect.as(Deferred.await(answer), []) } },
      { ...two, statementTimeout: "10 minutes" },
      ({ pool }) =>
        Effect.gen(function* () {
          const health = yield* watch(pool)
          const slow = pool.use((session) => session.executeRaw("select slow", []))
          const callers = [yield* Effect.forkChild(slow), yield* Effect.forkChild(slow)]
          yield* TestClock.adjust(2 * ONE_INTERVAL)
          const down = yield* health.current
          assert.strictEqual(wordsOf(down), "Down")
          assert.isAtLeast(down.consecutiveFailures, 1)
          assert.include(down.lastError?.remedy, "network")
          yield* Deferred.succeed(answer, undefined)
          yield* Effect.orDie(Fiber.joinAll(callers))
          yield* TestClock.adjust(5501)
          assert.deepStrictEqual([yield* health.state, (yield* health.current).consecutiveFailures], ["Up", 0])
        })
    )
  })

  it.effect("replaces one session that is silent, and stays up because another one answers", () =>
    withPool({}, two, (scenario) =>
      Effect.gen(function* () {
        const { pool, server } = scenario
        const health = yield* watch(pool)
        server.session(1).silence()
        yield* advance(scenario, 3 * ONE_INTERVAL, 1000)
        assert.deepStrictEqual([...new Set(health.seen.map(wordsOf))], ["Up"])
        assert.isFalse([...server.open].some(({ info }) => info.id === 1))
        assert.strictEqual((yield* pool.snapshot).open, 2)
      })
    )
  )

  it.effect("is down within five seconds of a check when every session is silent, and replaces the sessions", () =>
    withPool({}, { pool: { min: 4, max: 4 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool, { healthCheckInterval: "10 seconds" })
        yield* TestClock.adjust(100)
        server.change({ dials: Dial.hangs })
        for (const session of server.sessions) session.silence()
        yield* TestClock.adjust(11_000 + 5000)
        const down = yield* health.current
        assert.strictEqual(wordsOf(down), "Down")
        assert.isAtMost(down.since, 11_000 + 4100)
        yield* TestClock.adjust(2000)
        // All were validated together and closed, without an acquire, although only two were probed.
        assert.strictEqual(server.open.size, 0)
        server.change({ dials: Dial.succeeds() })
        yield* TestClock.adjust(20_000)
        assert.strictEqual(yield* health.state, "Up")
        assert.strictEqual((yield* pool.snapshot).open, 4)
      })
    )
  )

  it.effect("continues after a check that failed in an unexpected way", () => {
    let checks = 0
    const pool = Layer.mock(SessionPool, {
      name: "p",
      endpoint: { host: "db.example.com", port: 5432, database: "shop", username: "app" },
      snapshot: Effect.succeed(poolFixture()),
      events: Stream.never,
      tryUse: () => Effect.suspend(() => (++checks === 1 ? Effect.die(new Error("unforeseen")) : Effect.succeedNone)),
      sessions: Effect.succeed([])
    })
    return Effect.gen(function* () {
      const health = yield* watch(yield* SessionPool)
      yield* TestClock.adjust(2 * ONE_INTERVAL)
      assert.isAtLeast(checks, 2)
      assert.match(health.lines[0] ?? "", /^Error A health check failed/)
    }).pipe(Effect.provide(pool), Effect.scoped)
  })
})
