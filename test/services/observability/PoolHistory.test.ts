import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as TestClock from "effect/testing/TestClock"
import type { Finding } from "../../../src/services/observability/advice/Finding.ts"
import { Advisor } from "../../../src/services/observability/Advisor.ts"
import { HealthCheck } from "../../../src/services/observability/HealthCheck.ts"
import type { PoolEvent } from "../../../src/services/pool/Events.ts"
import { PoolTimes } from "../../../src/services/stats/PoolTimes.ts"
import { emptyCounters, type PoolSnapshot } from "../../../src/services/pool/core/Snapshot.ts"
import { type HistoryUpdate, PoolHistory } from "../../../src/services/observability/PoolHistory.ts"
import { SessionConfig } from "../../../src/services/config/SessionConfig.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { healthFixture, refused } from "../../http/HealthFixture.ts"
import { poolFixture } from "../../http/PoolFixture.ts"

const TOKEN = "correct-horse-battery"

/** A history of a pool that a test plays. */
const watched = Effect.gen(function* () {
  const events = yield* PubSub.unbounded<PoolEvent>({ replay: 50 })
  const health = yield* SubscriptionRef.make(healthFixture())
  const findings = yield* SubscriptionRef.make<ReadonlyArray<Finding>>([])
  const state: { pool: PoolSnapshot; broken: boolean } = { pool: poolFixture(), broken: false }
  const times = new PoolTimes()
  const context = yield* Layer.build(
    PoolHistory.layer.pipe(
      Layer.provide([
        Layer.mock(SessionPool, {
          name: "shop",
          endpoint: { host: "db.example.com", port: 5432, database: "shop", username: "app" },
          snapshot: Effect.sync(() => {
            if (state.broken) throw new Error("a bug")
            return state.pool
          }),
          times: Effect.succeed(times),
          events: Stream.fromPubSub(events)
        }),
        Layer.mock(HealthCheck, {
          current: SubscriptionRef.get(health),
          changes: SubscriptionRef.changes(health)
        }),
        Layer.mock(Advisor, { changes: SubscriptionRef.changes(findings) }),
        SessionConfig.layer({
          url: "postgres://app:geh%40im-nis@db.example.com:5432/shop",
          http: { token: TOKEN }
        })
      ])
    )
  )
  const history = Context.get(context, PoolHistory)
  const news: Array<HistoryUpdate> = []
  yield* history.subscribe((one) => news.push(one))
  yield* TestClock.adjust(0)
  const step = TestClock.adjust("2 seconds")
  return { events, findings, health, history, news, state, step, times }
})

const texts = (history: PoolHistory["Service"]) =>
  history.contents().events.map(({ level, tag, text }) => `${tag} ${level} ${text}`)

describe("PoolHistory", () => {
  it.effect("takes a point every two seconds with what happened since the last one", () =>
    Effect.gen(function* () {
      const { history, state, step, times } = yield* watched
      yield* step
      const operations = times.measureOperations()
      for (const millis of [0, 0, 40]) times.waitTime.recordMillis(millis)
      for (let n = 0; n < 100; n++) operations.succeeded("select 1", 3)
      operations.failed("update t set a = 1", 700, { errorType: "23505", sqlState: "23505" })
      const counters = emptyCounters()
      state.pool = poolFixture({
        used: 3,
        idle: 0,
        open: 3,
        waiting: 2,
        counters: {
          ...counters,
          dialsStarted: 4,
          dialsFailed: { ...counters.dialsFailed, network: 1, auth: 1 },
          closed: { ...counters.closed, lost: 2 }
        }
      })
      yield* step
      yield* step
      const [, quiet, busy, after] = history.contents().points
      assert.deepInclude(quiet, { idle: 2, used: 0, waitP50: null, queryP99: null, queries: 0, dials: 0, closes: {} })
      assert.deepInclude(busy, { idle: 0, used: 3, waiting: 2, queries: 101, dials: 4, dialFailures: 2, health: "up" })
      assert.deepStrictEqual(busy?.closes, { lost: 2 })
      assert.isAtMost(busy?.waitP50 ?? Infinity, 1)
      assert.isTrue((busy?.waitP95 ?? 0) > 10 && (busy?.waitP95 ?? 0) <= 50)
      assert.isTrue((busy?.queryP50 ?? 0) > 1 && (busy?.queryP50 ?? 0) <= 5)
      assert.isTrue((busy?.queryP99 ?? 0) > 1 && (busy?.queryP99 ?? 0) <= 5)
      assert.deepInclude(after, { used: 3, queries: 0, queryP50: null, dials: 0, dialFailures: 0, closes: {} })
      assert.strictEqual((busy?.at ?? 0) - (quiet?.at ?? 0), 2000)
    })
  )

  it.effect("keeps fifteen minutes and not more", () =>
    Effect.gen(function* () {
      const { history } = yield* watched
      yield* TestClock.adjust("16 minutes")
      const { points } = history.contents()
      assert.strictEqual(points.length, 450)
      assert.strictEqual((points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0), 449 * 2000)
    })
  )

  it.effect("summarizes the last minute, per second, without earlier values", () =>
    Effect.gen(function* () {
      const { history, times } = yield* watched
      const operations = times.measureOperations()
      operations.succeeded("select 1", 800)
      yield* TestClock.adjust("62 seconds")
      for (let n = 0; n < 30; n++) operations.succeeded("select 1", 3)
      const { queriesPerSecond, query, wait } = yield* history.recent
      assert.strictEqual(queriesPerSecond, 0.5)
      assert.isBelow(query.p99 ?? Infinity, 5)
      assert.deepStrictEqual(wait, { p50: null, p95: null, p99: null })
    })
  )

  it.effect("has no values of statements while they are not timed", () =>
    Effect.gen(function* () {
      const { history, step } = yield* watched
      yield* step
      const { queriesPerSecond, query } = yield* history.recent
      assert.isNull(queriesPerSecond)
      assert.isNull(query.p50)
    })
  )

  it.effect("keeps the last fifty events of pool, health and advice as texts without secrets", () =>
    Effect.gen(function* () {
      const { events, findings, health, history } = yield* watched
      const error = SessionError.connectFailed({
        host: "db.example.com",
        port: 5432,
        phase: "authentication",
        elapsedMillis: 12,
        failure: new Error(`refused geh%40im-nis\nand ${TOKEN}`)
      })
      yield* PubSub.publish(events, { _tag: "DialFailed", at: 5, error, open: 0, retryInMillis: 400 })
      yield* TestClock.adjust(0)
      yield* SubscriptionRef.set(health, healthFixture({ state: { _tag: "Down", reason: refused } }))
      yield* TestClock.adjust(0)
      yield* SubscriptionRef.set(health, healthFixture({ state: { _tag: "Down", reason: refused }, latencyMillis: 9 }))
      const finding: Finding = {
        id: "pool-saturated",
        severity: "critical",
        title: "All are in use",
        detail: `by geh@im-nis with ${TOKEN}`,
        remedy: "Wait.",
        since: 0
      }
      yield* SubscriptionRef.set(findings, [finding])
      yield* TestClock.adjust(0)
      yield* SubscriptionRef.set(findings, [{ ...finding, detail: "by others" }])
      yield* TestClock.adjust(0)
      yield* SubscriptionRef.set(findings, [])
      yield* TestClock.adjust(0)
      const [up, dial, ...rest] = texts(history)
      assert.strictEqual(up, "Health info Health: up.")
      assert.match(dial ?? "", /^DialFailed warn .*\*\*\*\*\*.* Next dial in 400 ms\.$/)
      assert.deepStrictEqual(rest, [
        "Health error Health: down: the connection was refused. Start the server.",
        "Finding error All are in use. by ***** with *****.",
        "Finding info Resolved after 0 ms: All are in use."
      ])
      for (let id = 1; id <= 60; id++) {
        yield* PubSub.publish(events, { _tag: "SessionClosed", at: id, id, backendPid: id, reason: "lifetime" })
      }
      yield* TestClock.adjust(0)
      assert.strictEqual(texts(history).length, 50)
      assert.include(texts(history).at(-1), "Session 60 closed")
      assert.notMatch(JSON.stringify(history.contents()), /geh(@|%40)im-nis|correct-horse/)
    })
  )

  it.effect("publishes each point and event in order", () =>
    Effect.gen(function* () {
      const { events, history, news, step } = yield* watched
      yield* PubSub.publish(events, { _tag: "CeilingLifted", at: 1 })
      yield* step
      const past = history.contents()
      assert.deepStrictEqual(
        news.flatMap((one) => (one._tag === "Event" ? [one.event] : [])),
        past.events
      )
      assert.deepStrictEqual(
        news.flatMap((one) => (one._tag === "Point" ? [one.point] : [])),
        past.points
      )
    })
  )

  it.effect("continues after a failed step", () =>
    Effect.gen(function* () {
      const { history, state, step } = yield* watched
      state.broken = true
      yield* step
      state.broken = false
      yield* step
      assert.strictEqual(history.contents().points.length, 2)
    })
  )

  it.effect("shows this process", () =>
    Effect.gen(function* () {
      const { history } = yield* watched
      const own = yield* history.process
      assert.strictEqual(own.pid, process.pid)
      assert.isAbove(own.rssBytes, own.heapUsedBytes)
      assert.isTrue(own.cpu > 0 && Number.isFinite(own.cpu))
    })
  )
})
