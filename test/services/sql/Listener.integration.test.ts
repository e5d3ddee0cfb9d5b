import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as MutableList from "effect/MutableList"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import { PgClient } from "@effect/sql-pg/PgClient"
import * as SupavisorLayer from "../../../src/layers/SupavisorLayer.ts"
import { type ChannelEvent, isGap, Listener, type NotificationGap } from "../../../src/services/sql/Listener.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, until, untilPool } from "../../PoolHarness.ts"

const payloadsOrGaps = (queue: Queue.Dequeue<ChannelEvent, SqlError>, count: number) =>
  Effect.map(Queue.takeN(queue, count), (events) => events.map((event) => (isGap(event) ? "gap" : event.payload)))

const gapOf = (take: Effect.Effect<ChannelEvent, SqlError>): Effect.Effect<NotificationGap, SqlError> =>
  Effect.map(take, (event) => {
    assert.isTrue(isGap(event))
    return event as NotificationGap
  })

/** The next gaps of the application; subscribed at once. */
const gapsOf = (listener: Listener["Service"], count: number) =>
  Effect.forkScoped(Stream.runCollect(Stream.take(listener.gaps, count)), { startImmediately: true })

/** The payload of the newest event in a queue. */
const lastOf = (queue: Queue.Dequeue<ChannelEvent, SqlError>): string | undefined => {
  const event: ChannelEvent | undefined = MutableList.toArray(queue.messages).at(-1)
  return event === undefined || isGap(event) ? undefined : event.payload
}

layer(TestPostgres.layer, { excludeTestServices: true })("listening", (it) => {
  it.effect("shares one session among all channels, and releases it with the last listener", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 4 } })
      const scope = yield* Scope.make()
      const queues = yield* Effect.forEach(["a", "b", "c"], (channel) => Scope.provide(sql.listen(channel), scope))
      yield* untilPool(pool, "one session is used", (s) => s.used === 1)
      for (const channel of ["a", "b", "c"]) yield* sql.notify(channel, `to ${channel}`)
      const received = yield* Effect.forEach(queues, (queue) => Queue.take(queue))
      assert.deepStrictEqual(
        received.map((n) => [n.channel, n.payload]),
        [
          ["a", "to a"],
          ["b", "to b"],
          ["c", "to c"]
        ]
      )
      yield* Scope.close(scope, Exit.void)
      yield* untilPool(pool, "the session is back", (s) => s.used === 0)
      const rows = yield* sql`select count(*)::int as n from pg_listening_channels()`
      assert.deepStrictEqual(rows, [{ n: 0 }])
    })
  )

  it.effect("delivers to every listener of a channel", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 2 } })
      const first = yield* sql.listen("shared")
      const second = yield* sql.listen("shared")
      yield* sql.notify("shared", "hello")
      assert.strictEqual((yield* Queue.take(first)).payload, "hello")
      assert.strictEqual((yield* Queue.take(second)).payload, "hello")
    })
  )

  it.effect("continues after the session was lost, and reports that notifications may be missing", () =>
    Effect.gen(function* () {
      const { listener, proxy, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const queue = yield* listener.listen("news")
      yield* sql.notify("news", "before")
      assert.deepStrictEqual(yield* payloadsOrGaps(queue, 1), ["before"])
      yield* proxy.cutAll("reset")
      const gap = yield* gapOf(Queue.take(queue))
      assert.strictEqual(gap.channel, "news")
      assert.strictEqual(gap.gap.dropped, 0)
      assert.strictEqual(gap.gap.reason.reason._tag, "SessionLost")
      assert.isAtMost(gap.gap.since.getTime(), gap.gap.until.getTime())
      yield* sql.notify("news", "after")
      assert.deepStrictEqual(yield* payloadsOrGaps(queue, 1), ["after"])
    })
  )

  it.effect("reports a gap before the first notification, however the session is lost", () =>
    Effect.gen(function* () {
      const { admin } = yield* TestPostgres
      const { listener, proxy, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const queue = yield* listener.listen("early")
      const losses = {
        reset: proxy.cutAll("reset"),
        closed: proxy.cutAll("end"),
        terminated: admin("select pg_terminate_backend(pid) from pg_stat_activity where query like 'LISTEN %'")
      }
      for (const [name, loss] of Object.entries(losses)) {
        yield* loss
        const { reason } = (yield* gapOf(Queue.take(queue))).gap
        assert.strictEqual(reason.reason._tag, "SessionLost", name)
        assert.notInclude(reason.message, "undefined", name)
        // LISTEN is active when the gap is reported.
        yield* sql.notify("early", name)
        assert.deepStrictEqual(yield* payloadsOrGaps(queue, 1), [name])
      }
    })
  )

  it.effect("reports one gap for each listener, and one for each channel to the whole application", () =>
    Effect.gen(function* () {
      const { listener, proxy, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const channels = ["a", "b", "c", "a"]
      const queues = yield* Effect.forEach(channels, (channel) => listener.listen(channel))
      const plain = yield* sql.listen("d")
      const gaps = yield* gapsOf(listener, 4)
      yield* proxy.cutAll("reset")
      const received = yield* Effect.forEach(queues, (queue) => gapOf(Queue.take(queue)))
      assert.deepStrictEqual(
        received.map(({ channel }) => channel),
        channels
      )
      const all = yield* Fiber.join(gaps)
      assert.deepStrictEqual(all.map(({ channel }) => channel).toSorted(), ["a", "b", "c", "d"])
      assert.strictEqual(yield* Queue.size(plain), 0)
    })
  )

  it.effect("gives a worker that decodes JSON notifications only, also across a loss", () =>
    Effect.gen(function* () {
      const { listener, proxy, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const queue = yield* sql.listen("jobs")
      const gaps = yield* gapsOf(listener, 1)
      const decoded: Array<unknown> = []
      const worker = yield* Effect.forkChild(
        Effect.forever(Effect.map(Queue.take(queue), ({ payload }) => decoded.push(JSON.parse(payload)))),
        { startImmediately: true }
      )
      yield* sql.notify("jobs", JSON.stringify({ id: 1 }))
      yield* until(
        "the first is decoded",
        Effect.sync(() => decoded.length === 1)
      )
      yield* proxy.cutAll("reset")
      yield* Fiber.join(gaps)
      yield* sql.notify("jobs", JSON.stringify({ id: 2 }))
      yield* until(
        "the second is decoded",
        Effect.sync(() => decoded.length === 2)
      )
      assert.deepStrictEqual(decoded, [{ id: 1 }, { id: 2 }])
      assert.isUndefined(worker.pollUnsafe())
    })
  )

  it.effect("counts what a slow consumer did not take, in its gap and in those of the application", () =>
    Effect.gen(function* () {
      const { listener, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const queue = yield* listener.listen("storm")
      const gaps: Array<NotificationGap> = []
      yield* Effect.forkScoped(
        Stream.runForEach(listener.gaps, (gap) => Effect.sync(() => gaps.push(gap))),
        { startImmediately: true }
      )
      const size = 16_384
      for (const sent of [size, 1, 4_000]) {
        yield* sql`select count(pg_notify('storm', g::text)) from generate_series(1, ${sent}::int) g`
        yield* sql.notify("storm", `end of ${sent}`)
        yield* until(
          "the last has arrived",
          Effect.sync(() => lastOf(queue) === `end of ${sent}`)
        )
      }
      const [first, ...others] = yield* Queue.takeAll(queue)
      const sent = size + 1 + 4_000 + 3
      assert.isTrue(isGap(first!))
      assert.isFalse(others.some(isGap))
      const { dropped, reason } = (first as NotificationGap).gap
      assert.strictEqual(dropped + others.length, sent)
      assert.strictEqual(others.length, size - 1)
      assert.strictEqual(reason.code, "NOTIFICATIONS_DROPPED")
      yield* until(
        "all are reported",
        Effect.sync(() => gaps.reduce((sum, { gap }) => sum + gap.dropped, 0) === dropped)
      )
      // A consumer that has caught up gets notifications again, without a gap.
      yield* sql.notify("storm", "again")
      assert.deepStrictEqual(yield* payloadsOrGaps(queue, 1), ["again"])
    })
  )

  it.effect(
    "counts what a slow consumer of sql.listen did not take, in a gap of the application and in one warning",
    () =>
      Effect.gen(function* () {
        const { url } = yield* TestPostgres
        const lines: Array<string> = []
        const log = Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") lines.push(String(message))
        })
        const context = yield* Layer.build(
          SupavisorLayer.layer({ url, pool: { min: 1, max: 3 } }).pipe(Layer.provide(Logger.layer([log])))
        )
        const sql = Context.get(context, PgClient)
        const gaps = yield* gapsOf(Context.get(context, Listener), 2)
        const slow = yield* sql.listen("storm")
        const quick = yield* sql.listen("storm")
        yield* Effect.forkScoped(Effect.forever(Queue.take(quick)))
        yield* sql`select count(pg_notify('storm', g::text)) from generate_series(1, 20000) g`
        yield* until(
          "one is reported",
          Effect.sync(() => lines.length === 1)
        )
        yield* sql`select count(pg_notify('storm', g::text)) from generate_series(1, 100) g`
        assert.deepStrictEqual(
          (yield* Fiber.join(gaps)).map(({ gap }) => gap.dropped),
          [20_000 - 16_384, 100]
        )
        const heard = yield* Queue.takeAll(slow)
        assert.strictEqual(heard.length, 16_384)
        assert.strictEqual(heard[0].payload, String(20_000 - 16_384 + 101))
        assert.strictEqual(lines.length, 1)
        assert.include(lines[0], '3616 notifications dropped on channel "storm"')
      })
  )

  it.effect("reports what is dropped after a loss that found a full queue", () =>
    Effect.gen(function* () {
      const { listener, proxy, sql } = yield* stack({ pool: { min: 1, max: 3 } })
      const queue = yield* listener.listen("storm")
      const send = (count: number) =>
        Effect.andThen(
          sql`select count(pg_notify('storm', g::text)) from generate_series(1, ${count}::int) g`,
          Effect.andThen(
            sql.notify("storm", `end of ${count}`),
            until(
              "the last has arrived",
              Effect.sync(() => lastOf(queue) === `end of ${count}`)
            )
          )
        )
      yield* send(16_383)
      const loss = yield* gapsOf(listener, 2)
      yield* proxy.cutAll("reset")
      assert.deepStrictEqual(
        (yield* Fiber.join(loss)).map(({ gap }) => [gap.reason.reason._tag, gap.dropped]),
        [
          ["SessionLost", 0],
          ["StatementFailed", 2]
        ]
      )
      const drops = yield* gapsOf(listener, 1)
      yield* send(99)
      assert.deepStrictEqual(
        (yield* Fiber.join(drops)).map(({ gap }) => gap.dropped),
        [100]
      )
      const events = yield* Queue.takeAll(queue)
      assert.deepStrictEqual(
        events.flatMap((event, at) => (isGap(event) ? [[at, event.gap.dropped]] : [])),
        [
          [0, 102],
          [16_383 - 100, 0]
        ]
      )
    })
  )

  it.effect("is no leak, however long it lasts", () =>
    Effect.gen(function* () {
      const { pool, sql } = yield* stack({ pool: { min: 1, max: 2, leakThreshold: 20 } })
      yield* sql.listen("long")
      yield* Effect.scoped(
        Effect.andThen(
          sql.reserve,
          untilPool(pool, "the other lease is reported", (s) => s.counters.leaksSuspected > 0)
        )
      )
      assert.strictEqual((yield* pool.snapshot).counters.leaksSuspected, 1)
    })
  )

  it.effect("refuses a channel name that cannot be one", () =>
    Effect.gen(function* () {
      const { sql } = yield* stack({ pool: { min: 1, max: 1 } })
      const error = yield* Effect.flip(Effect.scoped(sql.listen("")))
      assert.strictEqual(error._tag, "SqlError")
    })
  )
})
