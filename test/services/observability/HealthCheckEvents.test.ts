import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { Dial, refusal } from "../../../src/testing/ScriptedSessions.ts"
import { ONE_INTERVAL, watch, wordsOf } from "./HealthScenario.ts"
import { hold, holdMany, withPool } from "../pool/PoolScenario.ts"

const refused = refusal("network")

/** A server's message is shown, without the password. */
const talkative = SessionError.connectFailed({
  host: "db.example.com",
  port: 5432,
  phase: "session",
  elapsedMillis: 3,
  failure: { severity: "FATAL", sqlState: "XX000", serverMessage: "refused, by geh@im-nis and geh%40im-nis" }
})

describe("HealthCheck with pool events", () => {
  it.effect("is down at once when all sessions are lost, and up by itself when one can be opened again", () =>
    withPool({}, { pool: { min: 0, max: 2 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        for (const { release } of yield* holdMany(pool, 2)) yield* release
        const health = yield* watch(pool)
        assert.strictEqual(yield* health.state, "Up")
        server.change({ dials: Dial.fails(refused) })
        for (const session of server.sessions) session.lose()
        yield* TestClock.adjust(101)
        assert.strictEqual(yield* health.state, "Down")
        yield* TestClock.adjust(10_000)
        const { lastError, since, state, started } = yield* health.current
        assert.deepStrictEqual([state._tag, started, since <= 101], ["Down", true, true])
        assert.deepInclude(lastError, { code: "ECONNREFUSED", remedy: refused.remedy })
        server.change({ dials: Dial.succeeds() })
        yield* TestClock.adjust(4000)
        assert.strictEqual(yield* health.state, "Up")
      })
    )
  )

  it.effect("stays up when the server ends an idle session by its timeout", () =>
    withPool({}, { pool: { min: 0, max: 2 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        yield* pool.use(() => Effect.void)
        const health = yield* watch(pool)
        server.session(1).lose(
          SessionError.sessionLost({
            host: "db.example.com",
            port: 5432,
            elapsedMillis: 0,
            statementInFlight: false,
            failure: {
              severity: "FATAL",
              sqlState: "57P05",
              serverMessage: "terminating connection due to idle-session timeout"
            }
          })
        )
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual([yield* health.state, (yield* pool.snapshot).open], ["Up", 0])
      })
    )
  )

  it.effect("is down when the first session cannot be opened, and not yet started", () =>
    withPool({ dials: Dial.fails(refused) }, { pool: { min: 1, max: 2 } }, ({ pool }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        const { started, state } = yield* health.current
        assert.deepStrictEqual([state._tag, started], ["Down", false])
      })
    )
  )

  it.effect("is draining as soon as the pool is", () =>
    withPool({}, { pool: { min: 2, max: 2 }, shutdownTimeout: "10 seconds" }, ({ pool }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* hold(pool)
        yield* Effect.forkChild(pool.drain, { startImmediately: true })
        yield* TestClock.adjust(0)
        assert.strictEqual(yield* health.state, "Draining")
        yield* TestClock.adjust("5 minutes")
        assert.strictEqual(yield* health.state, "Draining")
      })
    )
  )

  it.effect("is degraded below a learned ceiling, and by failed dials while sessions are open", () =>
    withPool({ dials: (n) => (n > 1 ? Dial.fails("capacity") : Dial.succeeds()) }, { pool: { max: 3 } }, (scenario) =>
      Effect.gen(function* () {
        const { pool, server } = scenario
        const first = yield* hold(pool)
        const second = yield* hold(pool)
        const health = yield* watch(pool)
        yield* first.release
        yield* second.release
        yield* TestClock.adjust(ONE_INTERVAL)
        assert.strictEqual(yield* health.state, "Degraded:ceiling")
        server.change({ dials: (n) => (n > 2 ? Dial.fails("network") : Dial.succeeds()) })
        const held = yield* holdMany(pool, 2)
        yield* TestClock.adjust(1000)
        assert.match(yield* health.state, /^Degraded:.*breaker/)
        for (const { release } of held) yield* release
      })
    )
  )

  it.effect("is degraded while the server is slow", () =>
    withPool({ session: { roundTripMillis: 800 } }, { pool: { min: 1, max: 2 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* TestClock.adjust(1000)
        assert.deepStrictEqual([yield* health.state, (yield* health.current).latencyMillis], ["Degraded:slow", 800])
        yield* TestClock.adjust(20_000)
        assert.strictEqual(new Set(health.seen.map(({ checkedAt }) => checkedAt ?? 800)).size, 1)
        server.session(1).behave({ roundTripMillis: 20 })
        yield* TestClock.adjust(ONE_INTERVAL)
        assert.strictEqual(yield* health.state, "Up")
      })
    )
  )

  it.effect("logs every change once, with the remedy", () =>
    withPool({}, { pool: { min: 1, max: 1 } }, ({ pool, server }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* TestClock.adjust(3 * ONE_INTERVAL)
        server.change({ dials: Dial.fails(refused) })
        server.session(1).lose()
        yield* TestClock.adjust(20_000)
        server.change({ dials: Dial.succeeds() })
        yield* TestClock.adjust(3 * ONE_INTERVAL)
        assert.strictEqual(health.lines.length, 3)
        const [up, down, again] = health.lines
        assert.match(up ?? "", /^Debug Health: up/)
        assert.match(down ?? "", /^Warn Health: down: /)
        assert.include(down, refused.remedy)
        assert.match(again ?? "", /^Info Health: up/)
      })
    )
  )

  it.effect("publishes every change of the health once", () =>
    withPool({}, { pool: { min: 1, max: 1 } }, ({ pool }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        yield* TestClock.adjust(3 * ONE_INTERVAL)
        const texts = health.seen.map((one) => JSON.stringify(one))
        assert.strictEqual(new Set(texts).size, texts.length)
        assert.strictEqual(wordsOf(health.seen.at(-1)!), "Up")
      })
    )
  )

  it.effect("contains no password, raw or encoded, of a server's message", () =>
    withPool({ dials: Dial.fails(talkative) }, { pool: { min: 1, max: 2 } }, ({ pool }) =>
      Effect.gen(function* () {
        const health = yield* watch(pool)
        const published = JSON.stringify(health.seen) + health.lines.join("\n")
        assert.include(published, "refused, by")
        assert.notMatch(published, /geh(@|%40)im-nis/)
      })
    )
  )
})
