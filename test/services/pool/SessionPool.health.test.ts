import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { hold, holdMany, ofTag, advance, withPool } from "./PoolScenario.ts"

const two = { pool: { max: 2 } }

describe("a silent session", () => {
  it.effect("is used without a probe within a second, and probed after that", () =>
    withPool({}, two, ({ pool }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        yield* TestClock.adjust(1000)
        yield* pool.use(() => Effect.void)
        assert.strictEqual((yield* pool.snapshot).counters.probes, 0)
        yield* TestClock.adjust(1001)
        yield* pool.use(() => Effect.void)
        assert.strictEqual((yield* pool.snapshot).counters.probes, 1)
      })
    )
  )

  it.effect("with a heartbeat is never probed", () =>
    withPool({ session: { heartbeat: true } }, two, ({ pool }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        yield* TestClock.adjust(60_000)
        yield* pool.use(() => Effect.void)
        assert.strictEqual((yield* pool.snapshot).counters.probes, 0)
      })
    )
  )

  it.effect("is probed before its next use after the loss of another session", () =>
    withPool({}, two, ({ pool, server }) =>
      Effect.gen(function* () {
        for (const { release } of yield* holdMany(pool, 2)) yield* release
        yield* TestClock.adjust(500)
        server.sessions[1]!.lose()
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* pool.use((session) => Effect.succeed(session.info.id)), 1)
        assert.strictEqual((yield* pool.snapshot).counters.probes, 1)
        yield* pool.use(() => Effect.void)
        assert.strictEqual((yield* pool.snapshot).counters.probes, 1)
      })
    )
  )

  it.effect("that does not answer is replaced without an error", () =>
    withPool({}, two, ({ events, pool, server }) =>
      Effect.gen(function* () {
        for (const { release } of yield* holdMany(pool, 2)) yield* release
        yield* TestClock.adjust(2000)
        server.sessions[0]!.silence()
        server.sessions[1]!.silence()
        const caller = yield* Effect.forkChild(
          pool.use((session) => Effect.succeed(session.info.id)),
          { startImmediately: true }
        )
        yield* TestClock.adjust(6000)
        assert.strictEqual(yield* Fiber.join(caller), 3)
        assert.strictEqual(ofTag(events, "SessionClosed")[0]?.reason, "probe-failed")
      })
    )
  )

  it.effect("does not delay the caller when another session is released meanwhile", () =>
    withPool({}, two, ({ pool, server }) =>
      Effect.gen(function* () {
        const [busy, idle] = yield* holdMany(pool, 2)
        yield* idle!.release
        yield* TestClock.adjust(2000)
        server.sessions[1]!.silence()
        const caller = yield* hold(pool)
        server.sessions[0]!.setLastReceivedAt(2100)
        yield* TestClock.adjust(2000)
        yield* busy!.release
        yield* TestClock.adjust(3000)
        assert.isDefined(caller.lease())
        assert.notStrictEqual(caller.lease()?.info.id, 2)
        yield* caller.release
      })
    )
  )
})

describe("a session that is released with state left behind", () => {
  it.effect("is reset before its next use", () =>
    withPool({ session: { roundTripMillis: 20 } }, { pool: { max: 1 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const first = yield* hold(pool)
        const second = yield* hold(pool)
        server.sessions[0]!.leaveState()
        yield* first.release
        yield* TestClock.adjust(19)
        assert.isUndefined(second.lease())
        yield* TestClock.adjust(1)
        assert.strictEqual(second.lease()?.info.id, 1)
        assert.isTrue(server.sessions[0]!.isClean())
        assert.strictEqual((yield* pool.snapshot).counters.recoveries, 1)
        yield* second.release
      })
    )
  )

  it.effect("is closed when the reset fails, and the next caller gets another one", () =>
    withPool({}, { pool: { max: 1 } }, ({ events, pool, server }) =>
      Effect.gen(function* () {
        const first = yield* hold(pool)
        const second = yield* hold(pool)
        server.sessions[0]!.behave({ recovers: false })
        server.sessions[0]!.leaveState()
        yield* first.release
        yield* TestClock.adjust(0)
        assert.strictEqual(second.lease()?.info.id, 2)
        assert.deepStrictEqual(
          ofTag(events, "SessionClosed").map(({ id, reason }) => [id, reason]),
          [[1, "not-recovered"]]
        )
        yield* second.release
      })
    )
  )

  it.effect("after an interrupted statement is reused when the statement has stopped", () =>
    withPool(
      { statements: { "select slow": Effect.never }, session: { settleMillis: 40 } },
      { pool: { max: 1 } },
      ({ pool }) =>
        Effect.gen(function* () {
          const slow = yield* Effect.forkChild(
            pool.use((session) => session.executeRaw("select slow", [])),
            { startImmediately: true }
          )
          yield* TestClock.adjust(0)
          const next = yield* hold(pool)
          yield* Fiber.interrupt(slow)
          yield* TestClock.adjust(39)
          assert.isUndefined(next.lease())
          yield* TestClock.adjust(1)
          assert.strictEqual(next.lease()?.info.id, 1)
          yield* next.release
        })
    )
  )
})

describe("a session that is held for long", () => {
  it.effect("is reported once with its holder, and so is its release", () =>
    withPool({ statements: { "select 1": [] } }, { pool: { max: 2, leakThreshold: 5000 } }, (scenario) =>
      Effect.gen(function* () {
        const { events, pool } = scenario
        const holder = yield* Effect.forkChild(
          pool
            .use((session) => Effect.andThen(session.executeRaw("select 1", []), Effect.sleep(30_000)))
            .pipe(Effect.withSpan("forgetful")),
          { startImmediately: true }
        )
        yield* advance(scenario, 4000, 1000)
        assert.strictEqual(ofTag(events, "LeakSuspected").length, 0)
        yield* advance(scenario, 20_000, 1000)
        const [leak, ...more] = ofTag(events, "LeakSuspected")
        assert.deepStrictEqual(more, [])
        assert.match(leak?.holder ?? "", /^forgetful/)
        assert.deepStrictEqual([leak?.sessionId, leak?.statement], [1, "select 1"])
        assert.isAtLeast(leak?.heldMillis ?? 0, 5000)
        assert.isAtMost(leak?.heldMillis ?? 0, 6000)
        assert.strictEqual(ofTag(events, "LeakReturned").length, 0)
        yield* advance(scenario, 6000, 1000)
        yield* Fiber.join(holder)
        const [returned] = ofTag(events, "LeakReturned")
        assert.deepStrictEqual([returned?.sessionId, returned?.heldMillis], [1, 30_000])
        assert.strictEqual((yield* pool.snapshot).counters.leaksSuspected, 1)
      })
    )
  )

  it.effect("is not reported when the lease is long-lived by intent", () =>
    withPool({}, { pool: { max: 2, leakThreshold: 5000 } }, (scenario) =>
      Effect.gen(function* () {
        const lease = yield* scenario.pool.reserve
        lease.longLived = true
        yield* advance(scenario, 20_000, 1000)
        assert.strictEqual(ofTag(scenario.events, "LeakSuspected").length, 0)
      })
    )
  )

  it.effect("is killed when a statement outlives the server's timeout by five seconds", () =>
    withPool({ statements: { "select slow": Effect.never } }, { statementTimeout: 2000, ...two }, (scenario) =>
      Effect.gen(function* () {
        const { events, pool } = scenario
        const victim = yield* Effect.forkChild(
          Effect.flip(pool.use((session) => session.executeRaw("select slow", []))),
          { startImmediately: true }
        )
        yield* advance(scenario, 6000, 1000)
        assert.isUndefined(victim.pollUnsafe())
        yield* advance(scenario, 2000, 1000)
        const error = yield* Fiber.join(victim)
        assert.strictEqual(error._tag === "SqlError" ? error.reason._tag : "", "StatementTimeoutError")
        assert.strictEqual(ofTag(events, "StatementOverdue")[0]?.sessionId, 1)
        assert.strictEqual((yield* pool.snapshot).open, 0)
      })
    )
  )
})
