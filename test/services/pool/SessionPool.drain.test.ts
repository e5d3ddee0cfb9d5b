import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { hold, holdMany, ofTag, withPool } from "./PoolScenario.ts"

const settings = { shutdownTimeout: 20_000, pool: { max: 2 } }

describe("drain", () => {
  it.effect("rejects new and waiting callers, and lets leases finish", () =>
    withPool({ statements: { "select 1": [] } }, settings, ({ events, pool, server }) =>
      Effect.gen(function* () {
        const [first, second, waiter] = yield* holdMany(pool, 3)
        const draining = yield* Effect.forkChild(pool.drain, { startImmediately: true })
        const refused = yield* Effect.flip(Fiber.join(waiter!.fiber))
        assert.strictEqual(refused.reason._tag, "PoolClosed")
        assert.strictEqual((yield* Effect.flip(pool.use(() => Effect.void))).reason._tag, "PoolClosed")
        assert.strictEqual((yield* pool.snapshot).phase, "draining")
        yield* TestClock.adjust(10_000)
        yield* first!.lease()!.executeRaw("select 1", [])
        yield* first!.release
        yield* second!.release
        yield* TestClock.adjust(0)
        yield* Fiber.join(draining)
        assert.strictEqual((yield* pool.snapshot).phase, "closed")
        assert.strictEqual(server.open.size, 0)
        assert.deepStrictEqual(
          ofTag(events, "Drained").map(({ cancelled, elapsedMillis }) => [cancelled, elapsedMillis]),
          [[0, 10_000]]
        )
        assert.strictEqual((yield* Effect.flip(pool.use(() => Effect.void))).reason._tag, "PoolClosed")
      })
    )
  )

  it.effect("closes idle sessions at once", () =>
    withPool({}, settings, ({ pool, server }) =>
      Effect.gen(function* () {
        for (const { release } of yield* holdMany(pool, 2)) yield* release
        yield* pool.drain
        assert.deepStrictEqual([server.open.size, server.closes.length], [0, 2])
      })
    )
  )

  it.effect("cancels running statements after three quarters of the shutdown timeout", () =>
    withPool({ statements: { "select slow": Effect.never } }, settings, ({ events, pool, server }) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(
          Effect.exit(pool.use((session) => Effect.timeoutOption(session.executeRaw("select slow", []), 15_050))),
          { startImmediately: true }
        )
        yield* TestClock.adjust(0)
        const draining = yield* Effect.forkChild(pool.drain, { startImmediately: true })
        yield* TestClock.adjust(14_999)
        assert.strictEqual(server.open.size, 1)
        assert.isAbove(server.sessions[0]!.busySince, 0)
        yield* TestClock.adjust(11)
        assert.strictEqual(server.sessions[0]!.busySince, 0)
        assert.isUndefined(server.sessions[0]!.lost)
        yield* TestClock.adjust(100)
        yield* Fiber.join(holder)
        yield* Fiber.join(draining)
        assert.strictEqual(ofTag(events, "Drained")[0]?.cancelled, 1)
      })
    )
  )

  it.effect("kills sessions that do not stop after nine tenths of the timeout, with a typed error for the holder", () =>
    withPool(
      { statements: { "select slow": Effect.never }, session: { settleMillis: 4000 } },
      settings,
      ({ events, pool, server }) =>
        Effect.gen(function* () {
          const holder = yield* Effect.forkChild(
            Effect.flip(pool.use((session) => session.executeRaw("select slow", []))),
            { startImmediately: true }
          )
          yield* TestClock.adjust(0)
          const draining = yield* Effect.forkChild(pool.drain, { startImmediately: true })
          yield* TestClock.adjust(17_999)
          assert.isUndefined(holder.pollUnsafe())
          yield* TestClock.adjust(1)
          assert.match((yield* Fiber.join(holder)).message, /draining|closed/i)
          yield* Fiber.join(draining)
          assert.strictEqual(server.open.size, 0)
          assert.isAtMost(ofTag(events, "Drained")[0]!.elapsedMillis, 20_000)
        })
    )
  )

  it.effect("ends within the timeout although a lease is never released and a server never closes its socket", () =>
    withPool({}, settings, ({ events, pool, server }) =>
      Effect.gen(function* () {
        const [stubborn, idle] = yield* holdMany(pool, 2)
        server.sessions[1]!.silence()
        yield* idle!.release
        const draining = yield* Effect.forkChild(pool.drain, { startImmediately: true })
        yield* TestClock.adjust(20_000)
        yield* Fiber.join(draining)
        assert.isAtMost(ofTag(events, "Drained")[0]!.elapsedMillis, 20_000)
        assert.strictEqual(server.open.size, 0)
        yield* stubborn!.release
      })
    )
  )

  it.effect("interrupts dials in progress", () =>
    withPool({ dials: Dial.hangs }, settings, ({ pool, server }) =>
      Effect.gen(function* () {
        const waiter = yield* hold(pool)
        assert.strictEqual(server.dialing, 1)
        yield* pool.drain
        assert.strictEqual(server.dialing, 0)
        assert.strictEqual((yield* Effect.flip(Fiber.join(waiter.fiber))).reason._tag, "PoolClosed")
      })
    )
  )

  it.effect("runs once, however often it is called", () =>
    withPool({}, settings, ({ events, pool }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        yield* Effect.all([pool.drain, pool.drain, pool.drain], { concurrency: "unbounded" })
        yield* TestClock.adjust(0)
        assert.strictEqual(ofTag(events, "Drained").length, 1)
      })
    )
  )
})
