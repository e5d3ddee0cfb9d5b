import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import type { LeasedSession } from "../../../src/services/pool/SessionLease.ts"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { hold, holdMany, ofTag, advance, withPool } from "./PoolScenario.ts"

const two = { pool: { max: 2 } }
const idOf = (session: LeasedSession) => Effect.succeed(session.info.id)

describe("tryUse", () => {
  it.effect("uses the session that was silent for longest, and neither waits nor dials", () =>
    withPool({}, two, ({ pool, server }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* pool.tryUse(idOf), Option.none())
        const [first, second] = yield* holdMany(pool, 2)
        assert.deepStrictEqual(yield* pool.tryUse(idOf), Option.none())
        yield* second!.release
        yield* first!.release
        server.session(1).setLastReceivedAt(500)
        yield* TestClock.adjust(60_000)
        assert.deepStrictEqual(yield* pool.tryUse(idOf), Option.some(2))
        assert.strictEqual((yield* pool.snapshot).idle, 2)
        assert.strictEqual(server.dialsStarted.length, 2)
        yield* pool.drain
        assert.deepStrictEqual(yield* pool.tryUse(idOf), Option.none())
      })
    )
  )

  it.effect("does not reset the idle timeout, nor move the session above those in use", () =>
    withPool({}, { pool: { max: 3, idleTimeout: "60 seconds" } }, (scenario) =>
      Effect.gen(function* () {
        const { pool } = scenario
        for (const { release } of yield* holdMany(pool, 3)) yield* release
        for (let second = 0; second < 70; second++) {
          yield* pool.tryUse(() => Effect.void)
          const hot = yield* hold(pool)
          yield* hot.release
          yield* advance(scenario, 1000, 1000)
        }
        const { counters, open } = yield* pool.snapshot
        assert.deepStrictEqual([open, counters.closed.idle], [1, 2])
      })
    )
  )

  it.effect("releases its session when it fails or is interrupted", () =>
    withPool({}, two, ({ pool }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        assert.strictEqual(yield* Effect.flip(pool.tryUse(() => Effect.fail("no"))), "no")
        const fiber = yield* Effect.forkChild(
          pool.tryUse(() => Effect.never),
          { startImmediately: true }
        )
        assert.strictEqual((yield* pool.snapshot).used, 1)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual([(yield* pool.snapshot).used, (yield* pool.snapshot).idle], [0, 1])
      })
    )
  )
})

describe("validateAll", () => {
  it.effect("probes idle sessions at once and replaces those that do not answer", () =>
    withPool({}, { pool: { min: 3, max: 3 } }, ({ events, pool, server }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(100)
        server.session(2).silence()
        yield* pool.validateAll
        yield* TestClock.adjust(5000)
        assert.deepStrictEqual(
          ofTag(events, "SessionClosed").map(({ id, reason }) => [id, reason]),
          [[2, "probe-failed"]]
        )
        const { counters, idle } = yield* pool.snapshot
        assert.deepStrictEqual([counters.probes, idle], [3, 3])
      })
    )
  )

  it.effect("opens one session when none is open and no caller waits, as soon as the backoff allows", () =>
    withPool({ dials: [Dial.succeeds(), Dial.fails("network"), Dial.succeeds()] }, two, ({ pool, server }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        server.session(1).lose()
        yield* TestClock.adjust(60_000)
        assert.strictEqual(server.dialsStarted.length, 1)
        yield* pool.validateAll
        yield* pool.validateAll
        yield* TestClock.adjust(0)
        assert.strictEqual(server.dialsStarted.length, 2)
        yield* TestClock.adjust(500)
        assert.deepStrictEqual([server.dialsStarted.length, (yield* pool.snapshot).open], [3, 1])
        // It is not kept beyond the idle timeout.
        yield* TestClock.adjust(400_000)
        assert.deepStrictEqual([server.dialsStarted.length, (yield* pool.snapshot).open], [3, 0])
      })
    )
  )
})
