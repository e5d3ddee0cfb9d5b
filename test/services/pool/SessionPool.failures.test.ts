import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Dial, type DialOutcome, refusal } from "../../../src/testing/ScriptedSessions.ts"
import { hold, holdMany, ofTag, advance, withPool } from "./PoolScenario.ts"

const first = (outcome: DialOutcome) => (number: number) => (number === 1 ? Dial.succeeds() : outcome)

describe("a wrong password", () => {
  it.effect("is tried at most three times, then not for three minutes, however many callers there are", () =>
    withPool({ dials: Dial.fails("auth", 20) }, { pool: { max: 10, acquireTimeout: 5000 } }, (scenario) =>
      Effect.gen(function* () {
        const { pool, server } = scenario
        const callers = yield* Effect.forEach(Array.from({ length: 5 }), () =>
          Effect.forkChild(
            pool.use(() => Effect.void).pipe(Effect.ignore, Effect.andThen(Effect.sleep(500)), Effect.forever),
            { startImmediately: true }
          )
        )
        yield* advance(scenario, 600_000, 1000)
        const dials = server.dialsStarted
        assert.isAtLeast(dials.length, 4)
        for (const [index, at] of dials.entries()) {
          assert.isAtMost(dials.filter((other) => other >= at && other < at + 150_000).length, 3)
          if (index === 3) assert.isAtLeast(at - dials[2]!, 180_000)
        }
        yield* Fiber.interruptAll(callers)
      })
    )
  )

  it.effect("fails the waiters with the server's error when no session is left", () =>
    withPool({ dials: Dial.fails("auth", 20) }, { pool: { max: 10 } }, ({ pool }) =>
      Effect.gen(function* () {
        const waiters = yield* Effect.forEach([1, 2, 3], () =>
          Effect.forkChild(Effect.flip(pool.use(() => Effect.void)), { startImmediately: true })
        )
        yield* TestClock.adjust(20)
        for (const waiter of waiters) assert.strictEqual((yield* Fiber.join(waiter)).code, "28P01")
        assert.strictEqual((yield* pool.snapshot).waiting, 0)
      })
    )
  )

  it.effect("fails new callers at once with the same error until the next dial", () =>
    withPool({ dials: Dial.fails("auth") }, { pool: { max: 10 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        yield* Effect.flip(pool.use(() => Effect.void))
        const late = yield* Effect.forkChild(Effect.flip(pool.use(() => Effect.void)), { startImmediately: true })
        yield* TestClock.adjust(0)
        assert.isDefined(late.pollUnsafe())
        const error = yield* Fiber.join(late)
        assert.strictEqual(error.class, "auth")
        assert.strictEqual(server.dialsStarted.length, 1)
        assert.strictEqual((yield* pool.snapshot).counters.acquired.failed, 2)
      })
    )
  )

  it.effect("is noticed as corrected by the next dial", () => {
    let right = false
    return withPool(
      { dials: () => (right ? Dial.succeeds() : Dial.fails("auth")) },
      { pool: { max: 10 } },
      ({ pool }) =>
        Effect.gen(function* () {
          yield* Effect.flip(pool.use(() => Effect.void))
          right = true
          yield* TestClock.adjust(25_000)
          assert.strictEqual(yield* pool.use(() => Effect.succeed("acquired")), "acquired")
        })
    )
  })

  it.effect("does not affect open sessions", () =>
    withPool({ dials: first(Dial.fails("auth")) }, { pool: { max: 10 } }, ({ pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const waiter = yield* hold(pool)
        yield* TestClock.adjust(10_000)
        assert.isUndefined(waiter.fiber.pollUnsafe())
        yield* holder.release
        assert.strictEqual(waiter.lease()?.info.id, 1)
        yield* waiter.release
        assert.strictEqual(Effect.runSync(pool.use((session) => Effect.succeed(session.info.id))), 1)
      })
    )
  )
})

describe("a capacity error", () => {
  const full = Dial.fails(refusal("capacity", { poolSize: 15 }))

  it.effect("fails no caller while a session is open, and sets the ceiling", () =>
    withPool({ dials: (number) => (number <= 2 ? Dial.succeeds() : full) }, { pool: { max: 10 } }, ({ events, pool }) =>
      Effect.gen(function* () {
        const [first, second, third] = yield* holdMany(pool, 3)
        yield* TestClock.adjust(100)
        assert.isUndefined(third!.fiber.pollUnsafe())
        const { ceiling, max, poolerSize } = yield* pool.snapshot
        assert.deepStrictEqual({ ceiling, max, poolerSize }, { ceiling: 2, max: 10, poolerSize: 15 })
        const [learned] = ofTag(events, "CeilingLearned")
        assert.deepStrictEqual([learned?.held, learned?.poolerSize], [2, 15])
        yield* first!.release
        assert.strictEqual(third!.lease()?.info.id, 1)
        yield* third!.release
        yield* second!.release
      })
    )
  )

  it.effect("is retried at growing intervals, never more often", () =>
    withPool({ dials: first(full) }, { pool: { max: 10, acquireTimeout: 600_000 } }, (scenario) =>
      Effect.gen(function* () {
        const held = yield* holdMany(scenario.pool, 2)
        yield* advance(scenario, 300_000, 1000)
        const refused = scenario.server.dialsStarted.slice(1)
        const gaps = refused.slice(1).map((at, index) => at - refused[index]!)
        assert.isAtLeast(gaps.length, 6)
        assert.isAtMost(gaps.length, 16)
        assert.isAtLeast(gaps.at(-1)!, 30_000)
        for (const { release } of held) yield* release
      })
    )
  )

  it.effect("is forgotten as dials succeed again, up to max", () => {
    let room = 1
    return withPool(
      { dials: (number) => (number <= room ? Dial.succeeds() : full) },
      { pool: { max: 4, acquireTimeout: 600_000 } },
      (scenario) =>
        Effect.gen(function* () {
          const { events, pool } = scenario
          const held = yield* holdMany(pool, 4)
          yield* advance(scenario, 20_000, 500)
          assert.strictEqual((yield* pool.snapshot).ceiling, 1)
          room = Number.POSITIVE_INFINITY
          yield* advance(scenario, 60_000, 500)
          const { ceiling, used } = yield* pool.snapshot
          assert.deepStrictEqual({ ceiling, used }, { ceiling: 4, used: 4 })
          assert.strictEqual(ofTag(events, "CeilingLifted").length, 1)
          for (const { release } of held) yield* release
        })
    )
  })

  it.effect("without an open session keeps callers waiting until the pooler has room", () =>
    withPool({ dials: [full, full, Dial.succeeds()] }, { pool: { max: 4 } }, (scenario) =>
      Effect.gen(function* () {
        const waiter = yield* hold(scenario.pool)
        yield* advance(scenario, 12_000, 500)
        assert.strictEqual(waiter.lease()?.info.id, 1)
        yield* waiter.release
      })
    )
  )
})

describe("a loss", () => {
  it.effect("of all sessions at once is one event, with their number", () =>
    withPool({}, { pool: { max: 10 } }, ({ events, pool, server }) =>
      Effect.gen(function* () {
        for (const { release } of yield* holdMany(pool, 6)) yield* release
        for (const session of server.open) session.lose()
        yield* TestClock.adjust(200)
        const lost = ofTag(events, "SessionsLost")
        assert.deepStrictEqual(
          lost.map(({ count }) => count),
          [6]
        )
        assert.strictEqual(lost[0]?.first.code, "ECONNRESET")
        const { counters, open } = yield* pool.snapshot
        assert.deepStrictEqual([open, counters.closed.lost, counters.incidents], [0, 6, 1])
      })
    )
  )

  it.effect("before the server read a statement causes a retry, and after that an error", () =>
    withPool(
      { statements: { "select 1": [{ one: 1 }], "select slow": Effect.never } },
      { pool: { max: 2 } },
      (scenario) =>
        Effect.gen(function* () {
          const { pool, server } = scenario
          const ids: Array<number> = []
          const rows = yield* pool.borrow((session) =>
            Effect.suspend(() => {
              ids.push(server.sessions.length)
              if (ids.length === 1) server.sessions[0]!.lose()
              return session.executeUnprepared("select 1", [], undefined)
            })
          )
          assert.deepStrictEqual([rows, ids], [[{ one: 1 }], [1, 2]])
          const victim = yield* Effect.forkChild(
            Effect.flip(pool.borrow((session) => session.executeUnprepared("select slow", [], undefined))),
            { startImmediately: true }
          )
          server.sessions[1]!.lose()
          assert.match((yield* Fiber.join(victim)).message, /a statement was in flight/)
        })
    )
  )

  it.effect("is another event when it happens again", () =>
    withPool({}, { pool: { max: 10 } }, ({ events, pool, server }) =>
      Effect.gen(function* () {
        for (let round = 0; round < 2; round++) {
          for (const { release } of yield* holdMany(pool, 2)) yield* release
          for (const session of server.open) session.lose()
          yield* TestClock.adjust(5000)
        }
        assert.deepStrictEqual(
          ofTag(events, "SessionsLost").map(({ count }) => count),
          [2, 2]
        )
      })
    )
  )

  it.effect("of the last session is followed by a single dial first", () =>
    withPool(
      { dials: (number) => (number <= 4 ? Dial.succeeds() : Dial.succeeds(100)) },
      { pool: { max: 4 } },
      ({ pool, server }) =>
        Effect.gen(function* () {
          for (const { release } of yield* holdMany(pool, 4)) yield* release
          for (const session of server.open) session.lose()
          yield* TestClock.adjust(0)
          const held = yield* holdMany(pool, 4)
          yield* TestClock.adjust(99)
          assert.strictEqual(server.dialing, 1)
          yield* TestClock.adjust(101)
          assert.strictEqual((yield* pool.snapshot).used, 4)
          for (const { release } of held) yield* release
        })
    )
  )
})

describe("a caller during the dial backoff", () => {
  it.effect("gets a session when the backoff ends, although no caller waited before", () =>
    withPool(
      { dials: [Dial.fails("network", 400), Dial.succeeds()] },
      { pool: { min: 0, max: 1, acquireTimeout: 30_000 } },
      ({ pool, server }) =>
        Effect.gen(function* () {
          const gone = yield* Effect.forkChild(Effect.exit(pool.use(() => Effect.void)), { startImmediately: true })
          yield* TestClock.adjust(400)
          yield* Fiber.interrupt(gone)
          // A tick now finds no waiter, so it does not arm the timer for the next dial.
          yield* TestClock.adjust(150)
          assert.strictEqual(server.dialsStarted.length, 1)
          const caller = yield* Effect.forkChild(
            pool.use(() => Effect.succeed("acquired")),
            { startImmediately: true }
          )
          yield* TestClock.adjust(4000)
          assert.deepStrictEqual(caller.pollUnsafe(), Exit.succeed("acquired"))
        })
    )
  )
})
