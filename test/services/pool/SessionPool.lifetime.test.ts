import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { hold, holdMany, ofTag, advance, withPool } from "./PoolScenario.ts"

/** How often the pool checks its sessions. */
const SWEEP_MILLIS = 1000

/** A random source with a constant value. */
const always = (value: number) =>
  Effect.provideService(Random.Random, { nextDoubleUnsafe: () => value, nextIntUnsafe: () => 0 })

describe("the idle timeout", () => {
  it.effect("closes idle sessions down to min and never below", () =>
    withPool({}, { pool: { min: 2, max: 6, idleTimeout: 10_000, maxLifetime: "10 hours" } }, (scenario) =>
      Effect.gen(function* () {
        const { events, pool } = scenario
        for (const { release } of yield* holdMany(pool, 6)) yield* release
        yield* advance(scenario, 9000, SWEEP_MILLIS, ({ idle }) => assert.strictEqual(idle, 6))
        yield* advance(scenario, 120_000, SWEEP_MILLIS, ({ open }) => assert.isAtLeast(open, 2))
        assert.strictEqual((yield* pool.snapshot).idle, 2)
        assert.deepStrictEqual(
          ofTag(events, "SessionClosed").map(({ reason }) => reason),
          ["idle", "idle", "idle", "idle"]
        )
      })
    )
  )

  it.effect("does not apply to sessions in use", () =>
    withPool({}, { pool: { max: 6, idleTimeout: 10_000, leakThreshold: 0 } }, (scenario) =>
      Effect.gen(function* () {
        const [kept, idle] = yield* holdMany(scenario.pool, 2)
        yield* idle!.release
        yield* advance(scenario, 60_000, SWEEP_MILLIS)
        const { open, used } = yield* scenario.pool.snapshot
        assert.deepStrictEqual({ open, used }, { open: 1, used: 1 })
        yield* kept!.release
      })
    )
  )
})

describe("the lifetime", () => {
  const lifetime = { idleTimeout: "10 hours", maxLifetime: 100_000 } as const

  it.effect("is shortened by up to a tenth at random", () =>
    Effect.gen(function* () {
      const closedAt = (chance: number) =>
        withPool({}, { startup: "tolerant", pool: { max: 1, ...lifetime } }, (scenario) =>
          Effect.gen(function* () {
            const { currentTimeMillisUnsafe } = yield* TestClock.testClockWith(Effect.succeed)
            const opened = currentTimeMillisUnsafe()
            yield* advance(scenario, 102_000, SWEEP_MILLIS)
            return ofTag(scenario.events, "SessionClosed")[0]!.at - opened
          })
        ).pipe(always(chance))
      for (const [chance, due] of [
        [0, 100_000],
        [0.5, 95_000]
      ] as const) {
        const at = yield* closedAt(chance)
        assert.isAtLeast(at, due)
        assert.isAtMost(at, due + SWEEP_MILLIS)
      }
    })
  )

  it.effect("replaces sessions one at a time, opening the new one first", () =>
    withPool(
      { dials: Dial.succeeds(50), session: { closeMillis: 30 } },
      { pool: { min: 3, max: 4, ...lifetime } },
      (scenario) =>
        Effect.gen(function* () {
          const { events, pool } = scenario
          yield* TestClock.adjust(200)
          assert.strictEqual((yield* pool.snapshot).idle, 3)
          yield* advance(scenario, 110_000, 10, ({ closing, open }) => {
            assert.isAtLeast(open, 3)
            assert.isAtMost(closing, 1)
          })
          const closed = ofTag(events, "SessionClosed")
          assert.deepStrictEqual(
            closed.map(({ reason }) => reason),
            ["lifetime", "lifetime", "lifetime"]
          )
          assert.isAtMost(closed.at(-1)!.at, 100_200 + 4 * SWEEP_MILLIS)
          assert.strictEqual(new Set(closed.map(({ at }) => at)).size, 3)
          assert.isAtMost(scenario.server.mostSockets, 4)
        })
    ).pipe(always(0))
  )

  it.effect("closes the old session first where there is no room for two", () =>
    withPool(
      { dials: Dial.succeeds(50), session: { closeMillis: 1500 } },
      { pool: { min: 2, max: 2, ...lifetime } },
      (scenario) =>
        Effect.gen(function* () {
          yield* TestClock.adjust(200)
          yield* advance(scenario, 110_000, 10, ({ open }) => assert.isAtLeast(open, 1))
          assert.strictEqual(ofTag(scenario.events, "SessionClosed").length, 2)
          assert.strictEqual((yield* scenario.pool.snapshot).idle, 2)
          assert.strictEqual(scenario.server.mostSockets, 2)
        })
    ).pipe(always(0))
  )

  it.effect("lets a lease finish", () =>
    withPool({}, { pool: { max: 2, leakThreshold: 0, ...lifetime } }, (scenario) =>
      Effect.gen(function* () {
        const holder = yield* hold(scenario.pool)
        yield* advance(scenario, 200_000, SWEEP_MILLIS, ({ used }) => assert.strictEqual(used, 1))
        yield* holder.release
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(
          ofTag(scenario.events, "SessionClosed").map(({ reason }) => reason),
          ["lifetime"]
        )
      })
    )
  )

  it.effect("ends for every session when the pool is reset", () =>
    withPool({}, { pool: { max: 2 } }, ({ events, pool }) =>
      Effect.gen(function* () {
        const [used, idle] = yield* holdMany(pool, 2)
        yield* idle!.release
        yield* pool.reset
        yield* TestClock.adjust(0)
        assert.strictEqual((yield* pool.snapshot).open, 1)
        yield* used!.release
        yield* TestClock.adjust(0)
        assert.strictEqual((yield* pool.snapshot).open, 0)
        assert.deepStrictEqual(
          ofTag(events, "SessionClosed").map(({ reason }) => reason),
          ["evicted", "evicted"]
        )
      })
    )
  )
})
