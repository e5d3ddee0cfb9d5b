import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { hold, holdMany, withPool } from "./PoolScenario.ts"

const one = { pool: { max: 1 } }

describe("acquiring", () => {
  it.effect("gets an idle session synchronously", () =>
    withPool({}, one, ({ pool }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        assert.strictEqual(Effect.runSync(pool.use((session) => Effect.sync(() => session.info.id))), 1)
        const { acquired } = (yield* pool.snapshot).counters
        assert.deepStrictEqual([acquired.immediate, acquired.waited], [1, 1])
      })
    )
  )

  it.effect("does not arm a timer for an idle session", () =>
    withPool({}, one, ({ pool }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        const clock = yield* TestClock.testClockWith(Effect.succeed)
        const sleep = clock.sleep
        let sleeps = 0
        Object.assign(clock, {
          sleep: (...args: Parameters<typeof sleep>) => {
            sleeps++
            return sleep(...args)
          }
        })
        yield* pool.use(() => Effect.void)
        Object.assign(clock, { sleep })
        assert.strictEqual(sleeps, 0)
      })
    )
  )

  it.effect("serves waiters in first-in, first-out order", () =>
    withPool({}, one, ({ pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const order: Array<number> = []
        const waiters = yield* Effect.forEach([1, 2, 3, 4, 5], (number) =>
          Effect.forkChild(
            pool.use(() =>
              Effect.andThen(
                Effect.sync(() => order.push(number)),
                Effect.sleep(10)
              )
            ),
            { startImmediately: true }
          )
        )
        yield* holder.release
        const late = yield* Effect.forkChild(
          pool.use(() => Effect.sync(() => order.push(6))),
          { startImmediately: true }
        )
        yield* TestClock.adjust(100)
        yield* Fiber.joinAll([...waiters, late])
        assert.deepStrictEqual(order, [1, 2, 3, 4, 5, 6])
      })
    )
  )

  it.effect("does not give a session to a new caller while an earlier one waits for a probe", () =>
    withPool({}, { pool: { max: 2 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        for (const { release } of yield* holdMany(pool, 2)) yield* release
        yield* TestClock.adjust(2000)
        server.session(2).silence()
        const waiter = yield* hold(pool)
        assert.isUndefined(waiter.lease())
        server.session(1).setLastReceivedAt(2000)
        const newcomer = yield* hold(pool)
        yield* TestClock.adjust(0)
        assert.strictEqual(waiter.lease()?.info.id, 1)
        assert.isUndefined(newcomer.lease())
        yield* waiter.release
        assert.strictEqual(newcomer.lease()?.info.id, 1)
        yield* newcomer.release
      })
    )
  )

  it.effect("reuses the most recently used session", () =>
    withPool({}, { pool: { max: 2 } }, ({ pool }) =>
      Effect.gen(function* () {
        const [first, second] = yield* holdMany(pool, 2)
        yield* second!.release
        yield* first!.release
        assert.strictEqual(yield* pool.use((session) => Effect.succeed(session.info.id)), 1)
      })
    )
  )

  it.effect("holds a session until the scope closes, and runs nothing on a released lease", () =>
    withPool({}, one, ({ pool }) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const lease = yield* Scope.provide(pool.get, scope)
        assert.strictEqual((yield* pool.snapshot).used, 1)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* pool.snapshot).used, 0)
        assert.match((yield* Effect.flip(lease.executeRaw("select 1", []))).message, /already released to the pool/)
        assert.throws(() => lease.info, /already released to the pool/)
      })
    )
  )

  it.effect("serves ten thousand waiters that finish synchronously without overflowing the stack", () =>
    withPool({}, { pool: { max: 1, maxWaiting: 10_000 } }, ({ pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        let served = 0
        const waiters = yield* Effect.forEach(Array.from({ length: 10_000 }), () =>
          Effect.forkChild(
            pool.use(() => Effect.sync(() => served++)),
            { startImmediately: true }
          )
        )
        assert.strictEqual((yield* pool.snapshot).waiting, 10_000)
        yield* holder.release
        yield* Fiber.joinAll(waiters)
        assert.strictEqual(served, 10_000)
      })
    )
  )
})

describe("waiting", () => {
  it.effect("fails at once when the queue is full", () =>
    withPool({}, { pool: { max: 1, maxWaiting: 2 } }, ({ pool }) =>
      Effect.gen(function* () {
        const held = yield* holdMany(pool, 3)
        const error = yield* Effect.flip(pool.use(() => Effect.void))
        assert.strictEqual(error.reason._tag, "QueueFull")
        assert.include(error.message, "2 callers already wait")
        assert.include(error.message, "waiting=2")
        const sql = yield* Effect.flip(pool.borrow(() => Effect.void))
        assert.isTrue(sql.isRetryable)
        for (const { release } of held) yield* release
      })
    )
  )

  it.effect("ends exactly at its deadline, with an error that names the holders of the sessions", () =>
    withPool(
      { statements: { "select slow": Effect.never } },
      { poolName: "billing", pool: { max: 1, acquireTimeout: 700 } },
      ({ pool }) =>
        Effect.gen(function* () {
          const holder = yield* Effect.forkChild(
            pool.use((session) => session.executeRaw("select slow", [])).pipe(Effect.withSpan("report")),
            { startImmediately: true }
          )
          yield* TestClock.adjust(300)
          const waiter = yield* Effect.forkChild(Effect.flip(pool.use(() => Effect.void)), { startImmediately: true })
          yield* TestClock.adjust(699)
          assert.isUndefined(waiter.pollUnsafe())
          yield* TestClock.adjust(1)
          const error = yield* Fiber.join(waiter)
          assert.strictEqual(error.reason._tag, "AcquireTimeout")
          assert.isTrue(error.reason._tag === "AcquireTimeout" && error.reason.waitedMillis === 700)
          for (const part of ['"billing"', "open=1/1 used=1", "session 1 by report", "1.0 s", "running: select slow"]) {
            assert.include(error.message, part)
          }
          yield* Fiber.interrupt(holder)
        })
    )
  )

  it.effect("keeps its deadline when the probed session does not answer", () =>
    withPool(
      { dials: [Dial.succeeds(), Dial.succeeds(), Dial.hangs] },
      { pool: { max: 2, acquireTimeout: 3000 } },
      ({ pool, server }) =>
        Effect.gen(function* () {
          for (const { release } of yield* holdMany(pool, 2)) yield* release
          yield* TestClock.adjust(2000)
          for (const session of server.sessions) session.silence()
          const waiter = yield* Effect.forkChild(Effect.flip(pool.use(() => Effect.void)), { startImmediately: true })
          yield* TestClock.adjust(2999)
          assert.isAtLeast((yield* pool.snapshot).counters.probes, 1)
          assert.isUndefined(waiter.pollUnsafe())
          yield* TestClock.adjust(1)
          assert.strictEqual((yield* Fiber.join(waiter)).reason._tag, "AcquireTimeout")
        })
    )
  )

  it.effect("leaves nothing behind after an interruption", () =>
    withPool({}, one, ({ pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const waiter = yield* hold(pool)
        assert.strictEqual((yield* pool.snapshot).waiting, 1)
        waiter.fiber.interruptUnsafe()
        yield* Fiber.await(waiter.fiber)
        const { counters, waiting } = yield* pool.snapshot
        assert.deepStrictEqual([waiting, counters.acquired.abandoned], [0, 1])
        yield* holder.release
        assert.strictEqual((yield* pool.snapshot).idle, 1)
      })
    )
  )

  it.effect("fails at most one caller for a session that was lost while it was held", () =>
    withPool({ statements: { "select slow": Effect.never } }, one, ({ pool, server }) =>
      Effect.gen(function* () {
        const victim = yield* Effect.forkChild(
          Effect.flip(pool.use((session) => session.executeRaw("select slow", []))),
          { startImmediately: true }
        )
        const waiter = yield* hold(pool)
        server.sessions[0]!.lose()
        assert.strictEqual((yield* Fiber.join(victim))._tag, "SqlError")
        yield* TestClock.adjust(10)
        assert.strictEqual(waiter.lease()?.info.id, 2)
        yield* waiter.release
      })
    )
  )
})
