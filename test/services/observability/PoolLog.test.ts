import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PubSub from "effect/PubSub"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { PoolEvent, PoolEventBody } from "../../../src/services/pool/Events.ts"
import type { PoolSnapshot } from "../../../src/services/pool/core/Snapshot.ts"
import * as PoolLog from "../../../src/services/observability/PoolLog.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { poolFixture } from "../../http/PoolFixture.ts"

const refused = SessionError.connectFailed({
  host: "db.example.com",
  port: 5432,
  phase: "tcp",
  elapsedMillis: 3,
  failure: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" })
})

/** The log of a scripted pool; lines are collected as `LEVEL message`. */
const played = Effect.gen(function* () {
  const lines: Array<string> = []
  const events = yield* PubSub.unbounded<PoolEvent>({ replay: 50 })
  const state = { snapshot: poolFixture() }
  const pool = Layer.mock(SessionPool, {
    name: "p",
    endpoint: { host: "db.example.com", port: 5432, database: "postgres", username: "postgres" },
    snapshot: Effect.sync(() => state.snapshot),
    events: Stream.fromPubSub(events)
  })
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => void lines.push(`${logLevel} ${message}`))
  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(
    PoolLog.layer.pipe(
      Layer.provide(pool),
      Layer.provide([Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug")])
    ),
    scope
  )
  yield* TestClock.adjust(0)
  return {
    /** The log lines since the last call. */
    logged: Effect.map(TestClock.adjust(0), () => lines.splice(0)),
    happens: (event: PoolEventBody, at = 0) => PubSub.publish(events, { ...event, at } as PoolEvent),
    becomes: (changes: Partial<PoolSnapshot>) =>
      Effect.sync(() => {
        state.snapshot = poolFixture(changes)
      }),
    close: Scope.close(scope, Exit.void)
  }
})

describe("PoolLog", () => {
  it.effect("logs the pool's numbers when they change, except for idle and used", () =>
    Effect.gen(function* () {
      const log = yield* played
      assert.deepStrictEqual(yield* log.logged, [
        "Debug pool (open=2/5 used=0 idle=2 connecting=0 waiting=0 ceiling=5)"
      ])
      yield* log.becomes({ used: 1, idle: 1 })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* log.logged, [])
      yield* log.becomes({ used: 2, idle: 0, waiting: 3 })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* log.logged, [
        "Debug pool (open=2/5 used=2 idle=0 connecting=0 waiting=3 ceiling=5)"
      ])
      yield* log.becomes({ used: 2, idle: 0, waiting: 4 })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* log.logged, [])
      yield* log.close
    })
  )

  it.effect("writes at most one such line in ten seconds, with the latest numbers", () =>
    Effect.gen(function* () {
      const log = yield* played
      yield* log.logged
      for (const open of [3, 4, 5]) {
        yield* log.becomes({ open })
        yield* TestClock.adjust("3 seconds")
      }
      yield* TestClock.adjust("1 second")
      const lines = yield* log.logged
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "open=5/5")
      yield* log.close
    })
  )

  it.effect("warns of lost sessions and failed dials with the remedy", () =>
    Effect.gen(function* () {
      const log = yield* played
      yield* log.logged
      yield* log.happens({ _tag: "SessionsLost", count: 2, first: refused })
      yield* log.happens({ _tag: "DialFailed", error: refused, open: 0, retryInMillis: 1200 })
      const [lost = "", dial = ""] = yield* log.logged
      assert.match(lost, /^Warn 2 sessions lost\. /)
      assert.include(lost, refused.remedy)
      assert.include(dial, refused.message)
      assert.include(dial, refused.remedy)
      assert.include(dial, "Trying again in 1.2 s.")
      yield* log.close
    })
  )

  it.effect("repeats failed dials of one class every 30 seconds only, with their count", () =>
    Effect.gen(function* () {
      const log = yield* played
      yield* log.logged
      const fails = (at: number) => log.happens({ _tag: "DialFailed", error: refused, open: 0, retryInMillis: 10 }, at)
      for (const at of [1000, 5000, 20_000, 30_999]) yield* fails(at)
      assert.strictEqual((yield* log.logged).length, 1)
      yield* fails(31_000)
      const lines = yield* log.logged
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "3 more of this kind")
      yield* fails(61_000)
      assert.notInclude((yield* log.logged)[0], "more of this kind")
      yield* log.close
    })
  )

  it.effect("names the holder of a session that is leased for too long, and its statement", () =>
    Effect.gen(function* () {
      const log = yield* played
      yield* log.logged
      const leak = { sessionId: 1, holder: "billing#4", heldMillis: 61_000, statement: "select\n  1" }
      yield* log.happens({ _tag: "LeakSuspected", ...leak })
      const [line = ""] = yield* log.logged
      assert.match(line, /^Warn billing#4 has held a session for 1m 01s, running: select 1\. /)
      assert.include(line, "DB_LEAK_THRESHOLD")
      yield* log.close
    })
  )

  it.effect("logs the drain, which comes after its own scope", () =>
    Effect.gen(function* () {
      const log = yield* played
      yield* log.logged
      yield* log.close
      yield* log.happens({ _tag: "Draining", used: 1, waiting: 2 })
      yield* log.happens({ _tag: "Drained", elapsedMillis: 250, cancelled: 1 })
      assert.deepStrictEqual(yield* log.logged, [
        "Debug Draining: 1 session in use, 2 waiting.",
        "Debug Drained in 250 ms, 1 session cancelled."
      ])
    })
  )
})
