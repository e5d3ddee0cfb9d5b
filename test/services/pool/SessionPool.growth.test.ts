import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { hold, holdMany, advance, withPool } from "./PoolScenario.ts"

describe("growth", () => {
  it.effect("opens no session without a caller", () =>
    withPool({}, { pool: { max: 5 } }, (scenario) =>
      Effect.gen(function* () {
        yield* advance(scenario, 120_000, 1000)
        assert.strictEqual(scenario.server.dialsStarted.length, 0)
      })
    )
  )

  it.effect("opens min sessions at the start and keeps them without traffic", () =>
    withPool({}, { pool: { min: 3, max: 5, idleTimeout: 10_000 } }, (scenario) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(0)
        assert.strictEqual((yield* scenario.pool.snapshot).idle, 3)
        yield* advance(scenario, 600_000, 10_000, ({ idle }) => assert.strictEqual(idle, 3))
        assert.strictEqual(scenario.server.dialsStarted.length, 3)
      })
    )
  )

  it.effect("runs at most three dials at a time", () =>
    withPool({ dials: Dial.succeeds(100) }, { pool: { max: 20 } }, (scenario) =>
      Effect.gen(function* () {
        const held = yield* holdMany(scenario.pool, 20)
        yield* advance(scenario, 1000, 20, ({ connecting }) => assert.isAtMost(connecting, 3))
        assert.strictEqual((yield* scenario.pool.snapshot).used, 20)
        assert.strictEqual(scenario.server.mostDialing, 3)
        for (const { release } of held) yield* release
      })
    )
  )

  it.effect("starts another dial when one hangs for two seconds", () =>
    withPool({ dials: [Dial.hangs, Dial.succeeds(50)] }, { pool: { max: 2 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        yield* TestClock.adjust(1999)
        assert.deepStrictEqual(server.dialsStarted, [0])
        yield* TestClock.adjust(51)
        assert.deepStrictEqual(server.dialsStarted, [0, 2000])
        assert.strictEqual(holder.lease()?.info.id, 1)
        yield* holder.release
      })
    )
  )

  it.effect("keeps the session of a dial whose caller was interrupted", () =>
    withPool({ dials: Dial.succeeds(100) }, { pool: { max: 5 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const impatient = yield* hold(pool)
        yield* TestClock.adjust(50)
        yield* Fiber.interrupt(impatient.fiber)
        assert.strictEqual((yield* pool.snapshot).connecting, 1)
        yield* TestClock.adjust(50)
        assert.strictEqual((yield* pool.snapshot).idle, 1)
        assert.strictEqual(Effect.runSync(pool.use((session) => Effect.succeed(session.info.id))), 1)
        assert.strictEqual(server.dialsStarted.length, 1)
      })
    )
  )

  it.effect("stops dialling when no caller waits any more", () =>
    withPool({ dials: Dial.succeeds(100) }, { pool: { max: 20 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const held = yield* holdMany(pool, 20)
        yield* TestClock.adjust(50)
        for (const { fiber } of held) yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust(60_000)
        assert.strictEqual(server.dialsStarted.length, 1)
      })
    )
  )

  it.effect("does not grow for a spike that the open sessions can serve", () =>
    withPool(
      { statements: { "select 1": Effect.delay(Effect.succeed([]), 2) }, dials: Dial.succeeds(150) },
      { pool: { min: 5, max: 50 } },
      (scenario) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(1000)
          assert.strictEqual((yield* scenario.pool.snapshot).idle, 5)
          const callers = yield* Effect.forEach(Array.from({ length: 50 }), () =>
            Effect.forkChild(
              scenario.pool.use((session) => session.executeRaw("select 1", [])),
              { startImmediately: true }
            )
          )
          yield* advance(scenario, 1000, 1)
          yield* Fiber.joinAll(callers)
          assert.isAtMost((yield* scenario.pool.snapshot).open, 8)
        })
    )
  )

  it.effect("does not fill the slot of a closing session before its socket is closed", () =>
    withPool({ session: { closeMillis: 400 } }, { pool: { max: 1 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const first = yield* hold(pool)
        server.sessions[0]!.leaveState("close")
        const second = yield* hold(pool)
        yield* first.release
        yield* TestClock.adjust(399)
        assert.strictEqual((yield* pool.snapshot).closing, 1)
        assert.strictEqual(server.dialsStarted.length, 1)
        yield* TestClock.adjust(1)
        assert.strictEqual(second.lease()?.info.id, 2)
        yield* second.release
      })
    )
  )
})

describe("an outage", () => {
  /** Twenty callers advance the test clock a hundred thousand times: seconds on a busy machine. */
  const PATIENCE_MILLIS = 300_000

  const outage = { from: 2000, to: 62_000 } as const

  it.effect(
    "of a minute with twenty impatient callers causes at most twenty dials and ends within four seconds",
    () => {
      let up = true
      return withPool(
        { dials: () => (up ? Dial.succeeds(50) : Dial.fails("network", 5)) },
        { pool: { min: 2, max: 10, acquireTimeout: 30_000 } },
        (scenario) =>
          Effect.gen(function* () {
            const { pool, server } = scenario
            const callers = yield* Effect.forEach(Array.from({ length: 20 }), () =>
              Effect.forkChild(
                pool
                  .use(() => Effect.sleep(1))
                  .pipe(Effect.timeout(10), Effect.ignore, Effect.andThen(Effect.sleep(10)), Effect.forever),
                { startImmediately: true }
              )
            )
            yield* advance(scenario, outage.from, 1000)
            up = false
            const before = server.dialsStarted.length
            for (const session of server.open) session.lose()
            yield* advance(scenario, outage.to - outage.from, 1000)
            assert.isAtMost(server.dialsStarted.length - before, 20)
            assert.strictEqual((yield* pool.snapshot).open, 0)
            up = true
            yield* advance(scenario, 4000, 1000)
            assert.isAtLeast((yield* pool.snapshot).open, 2)
            yield* Fiber.interruptAll(callers)
          })
      )
    },
    PATIENCE_MILLIS
  )

  it.effect("ends within four seconds without any traffic, whenever the server returns", () =>
    Effect.forEach(Array.from({ length: 12 }), (_, index) => {
      const length = 30_000 + 400 * index
      let up = true
      return withPool(
        { dials: () => (up ? Dial.succeeds(50) : Dial.fails("network", 5)) },
        { pool: { min: 3, max: 10 } },
        (scenario) =>
          Effect.gen(function* () {
            const { pool, server } = scenario
            yield* advance(scenario, 1000, 1000)
            up = false
            for (const session of server.open) session.lose()
            yield* advance(scenario, length, 400)
            assert.strictEqual((yield* pool.snapshot).open, 0)
            up = true
            yield* advance(scenario, 4000, 500)
            assert.strictEqual((yield* pool.snapshot).idle, 3)
          })
      )
    })
  )
})
