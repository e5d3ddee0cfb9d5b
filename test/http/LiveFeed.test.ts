import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Net from "node:net"
import { LiveFeed } from "../../src/http/LiveFeed.ts"
import { version } from "../../src/http/Version.ts"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import { DemoLoad } from "../../src/services/embedded/DemoLoad.ts"
import type { HistoryEvent } from "../../src/services/observability/history/HistorySchema.ts"
import type { HistoryPoint } from "../../src/services/observability/history/HistorySchema.ts"
import type { PoolSnapshot } from "../../src/services/pool/core/Snapshot.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { eventually } from "../cli/RunningProgram.ts"
import { openStream } from "./EventStream.ts"
import { healthOf } from "./HealthFixture.ts"
import { historyOf, type Listeners } from "./HistoryFixture.ts"
import { poolFixture } from "./PoolFixture.ts"
import { elapsed, timed } from "../Timing.ts"

const point: HistoryPoint = {
  at: 1000,
  idle: 1,
  used: 2,
  connecting: 0,
  closing: 0,
  waiting: 3,
  max: 5,
  ceiling: 5,
  waitP50: 1,
  waitP95: 2,
  waitP99: null,
  queryP50: 3,
  queryP95: 4,
  queryP99: 5,
  queries: 7,
  dials: 0,
  dialFailures: 0,
  closes: { idle: 1 },
  health: "up",
  cpu: 0.1,
  rssBytes: 1,
  loopDelayP99Millis: 1
}

/** The services of a server, controlled by a test. */
const standing = (
  pool: Pick<SessionPool["Service"], "snapshot">,
  history: ReturnType<typeof historyOf> = historyOf()
) =>
  Layer.mergeAll(
    Layer.mock(SessionPool, {
      name: "shop",
      endpoint: { host: "db.example.com", port: 5432, database: "shop", username: "app" },
      sessions: Effect.succeed([]),
      waiters: Effect.succeed([]),
      ...pool
    }),
    healthOf(),
    history,
    Layer.mock(PoolMetrics, { prometheus: Effect.succeed("") }),
    Layer.succeed(DemoLoad, { isActive: true, stop: Effect.void }),
    SessionConfig.layer({ http: { port: 0 } })
  )

const event = (text: string): HistoryEvent => ({ at: 1, tag: "CeilingLifted", level: "info", text })

/** A server whose pool and history a test plays. */
const played = Effect.gen(function* () {
  const listeners: Listeners = new Set()
  const state: { pool: PoolSnapshot } = { pool: poolFixture() }
  const history = historyOf({ points: [point], events: [event("first")] }, listeners)
  const context = yield* Layer.build(
    HttpLayer.layer.pipe(Layer.provide(standing({ snapshot: Effect.sync(() => state.pool) }, history)))
  )
  const service = yield* Effect.provideContext(Effect.all({ server: HttpServer, feed: LiveFeed }), context)
  const address = formatAddress(service.server.address)
  const say = (text: string) => {
    for (const listener of listeners) listener({ _tag: "Event", event: event(text) })
  }
  const draw = (news: HistoryPoint) => {
    for (const listener of listeners) listener({ _tag: "Point", point: news })
  }
  return { address, feed: service.feed, say, draw, state }
})

/** A browser that has stopped to read: its socket's buffers fill, then the server's. */
const idleReader = Effect.fnUntraced(function* (address: string) {
  const { hostname, port } = new URL(address)
  const socket = Net.connect({ host: hostname, port: Number(port) })
  yield* Effect.addFinalizer(() => Effect.sync(() => socket.destroy()))
  socket.on("error", () => {})
  socket.write("GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")
  yield* Effect.callback<void>((resume) => {
    socket.once("readable", () => resume(Effect.void))
  })
  return socket
})

const textOf = ({ data }: { readonly data: Record<string, unknown> }) => data["text"]

describe("The live feed", () => {
  it.live("opens with the history and the status, then sends updates", () =>
    Effect.gen(function* () {
      const { address, draw, say } = yield* played
      const stream = yield* openStream(address)
      const { data: hello } = yield* stream.message("hello")
      yield* stream.message("status")
      say("second")
      draw({ ...point, at: 3000 })
      yield* stream.message("event", ({ text }) => text === "second")
      yield* stream.message("point", ({ at }) => at === 3000)
      assert.deepStrictEqual(
        stream.messages.slice(0, 2).map(({ name }) => name),
        ["hello", "status"]
      )
      assert.strictEqual(stream.status, 200)
      assert.deepInclude(stream.headers, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store"
      })
      assert.match(stream.raw(), /^retry: 1000\n\n/)
      assert.deepInclude(hello, { version, demo: true, stepMillis: 2000, windowMillis: 900_000 })
      assert.closeTo(Number(hello["startedAt"]), Date.now(), 10_000)
      assert.deepStrictEqual(hello["history"], [JSON.parse(JSON.stringify(point))])
      assert.deepStrictEqual(hello["events"], [event("first")])
      const { data } = yield* stream.message("status")
      const requested = yield* Effect.promise(() => fetch(`${address}/status`).then((answer) => answer.json()))
      assert.sameMembers(Object.keys(data), Object.keys(requested as object))
    }).pipe(Effect.scoped)
  )

  it.live(
    "sends the status once a second, and at once when the pool's phase changes",
    () =>
      Effect.gen(function* () {
        const { address, say, state } = yield* played
        const stream = yield* openStream(address)
        yield* stream.message("status")
        state.pool = poolFixture({ used: 1 })
        yield* stream.message("status", ({ pool }) => (pool as PoolSnapshot).used === 1)
        const before = stream.messages.length
        state.pool = poolFixture({ phase: "draining" })
        say("it drains")
        assert.isBelow(yield* elapsed(stream.message("status", ({ phase }) => phase === "draining")), 800)
        const names = stream.messages.slice(before).map(({ name }) => name)
        // One status of the second before may still arrive first.
        const news = names.indexOf("event")
        assert.isAtMost(news, 1)
        assert.deepStrictEqual(names.slice(news), ["event", "status"])
      }).pipe(Effect.scoped),
    timed
  )

  it.effect("makes no status without readers, and one for all readers", () =>
    Effect.gen(function* () {
      let looks = 0
      const snapshot = Effect.sync(() => {
        looks++
        return poolFixture()
      })
      const context = yield* Layer.build(LiveFeed.layer.pipe(Layer.provide(standing({ snapshot }))))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(looks, 0)
      const feed = Context.get(context, LiveFeed)
      for (let n = 0; n < 5; n++) yield* Effect.asVoid(feed.open(() => {}))
      assert.strictEqual(looks, 5)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(looks, 5 + 3)
    }).pipe(Effect.scoped)
  )

  it.live("accepts 32 readers, rejects the next one with the reason, and accepts one again when one has left", () =>
    Effect.gen(function* () {
      const { address } = yield* played
      yield* Effect.scoped(
        Effect.gen(function* () {
          for (let n = 0; n < 32; n++) yield* Effect.flatMap(openStream(address), ({ message }) => message("hello"))
          const refused = yield* openStream(address)
          assert.strictEqual(refused.status, 503)
          yield* refused.ended
          assert.include(refused.raw(), "32 readers are connected already")
        })
      )
      const status = yield* eventually("a place", async () => {
        const answer = await fetch(`${address}/events`)
        await answer.body?.cancel()
        return answer.status === 200 ? 200 : undefined
      })
      assert.strictEqual(status, 200)
    }).pipe(Effect.scoped)
  )

  it.live("disconnects a reader that does not read, and no other", () =>
    Effect.gen(function* () {
      const { address, say } = yield* played
      const idle = yield* idleReader(address)
      const good = yield* openStream(address)
      yield* good.message("hello")
      const long = "x".repeat(40_000)
      const left = eventually("the cut", () => (idle.closed || idle.readableEnded ? true : undefined))
      // Some forty megabytes: more than the buffers of its socket and the server's queue hold together.
      for (let batch = 0; batch < 10; batch++) {
        for (let n = 0; n < 100; n++) say(`${batch} ${n} ${long}`)
        yield* good.message("event", ({ text }) => text === `${batch} 99 ${long}`)
      }
      idle.resume()
      yield* left
      say("last")
      yield* good.message("event", (data) => textOf({ data }) === "last")
    }).pipe(Effect.scoped)
  )

  it.live("ends with a last status and `bye`, rejects new readers, and answers other requests", () =>
    Effect.gen(function* () {
      const { address, feed, state } = yield* played
      const stream = yield* openStream(address)
      yield* stream.message("status")
      state.pool = poolFixture({ phase: "draining" })
      yield* feed.end
      assert.isTrue(yield* stream.ended)
      assert.deepStrictEqual(
        stream.messages.slice(-2).map(({ data, name }) => [name, data["phase"] ?? data["reason"]]),
        [
          ["status", "draining"],
          ["bye", "shutdown"]
        ]
      )
      const late = yield* openStream(address)
      assert.strictEqual(late.status, 503)
      const live = yield* Effect.promise(() => fetch(`${address}/livez`))
      assert.strictEqual(live.status, 200)
      yield* feed.end
    }).pipe(Effect.scoped)
  )

  it.live(
    "does not wait at the end for a reader that does not read",
    () =>
      Effect.gen(function* () {
        const { address, feed, say } = yield* played
        const idle = yield* idleReader(address)
        // Fifty megabytes: more than the buffers of a socket, less than the queue that would cut it off.
        for (let n = 0; n < 500; n++) say(`${n} ${"x".repeat(100_000)}`)
        const began = performance.now()
        assert.isBelow(yield* elapsed(feed.end), 2000)
        assert.isAbove(performance.now() - began, 150)
        idle.resume()
        yield* eventually("the cut", () => (idle.closed || idle.readableEnded ? true : undefined))
      }).pipe(Effect.scoped),
    timed
  )

  it.effect("sends a comment every 15 seconds", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(
        LiveFeed.layer.pipe(Layer.provide(standing({ snapshot: Effect.succeed(poolFixture()) })))
      )
      const feed = Context.get(context, LiveFeed)
      let text = ""
      const stream = yield* feed.open(() => assert.fail("no reader is to be disconnected"))
      yield* Effect.forkScoped(
        Stream.runForEach(stream, (bytes) => Effect.sync(() => (text += new TextDecoder().decode(bytes)))),
        { startImmediately: true }
      )
      const comments = () => text.match(/^:.*\n\n/gm)?.length ?? 0
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(comments(), 0)
      yield* TestClock.adjust("32 seconds")
      assert.strictEqual(comments(), 3)
      assert.strictEqual(text.match(/^event: status$/gm)?.length, 1 + 46)
    }).pipe(Effect.scoped)
  )
})
