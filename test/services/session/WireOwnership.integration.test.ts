/** One session that streams, listens and answers statements, in any order, without mixing up replies. */
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import type { LeasedSession } from "../../../src/services/pool/SessionLease.ts"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, untilPool } from "../../PoolHarness.ts"
import { timed } from "../../Timing.ts"

const oneSession = stack({ pool: { min: 1, max: 1 } })

const one = (session: LeasedSession, n: number) =>
  Effect.map(session.executeRaw("select $1::int as n, repeat('x', $1::int % 50) as x", [n]), ({ rows }) =>
    assert.deepStrictEqual(rows, [{ n, x: "x".repeat(n % 50) }])
  )

const series = (session: LeasedSession, count: number) =>
  session.executeStream(
    "select n::int, repeat('y', n::int % 70) as y from generate_series(1, $1::int) n",
    [count],
    undefined
  )

const streamed = (session: LeasedSession, count: number) =>
  Effect.map(Stream.runCollect(series(session, count)), (rows) => {
    assert.strictEqual(rows.length, count)
    for (const [index, row] of rows.entries()) {
      assert.deepStrictEqual(row, { n: index + 1, y: "y".repeat((index + 1) % 70) })
    }
  })

type Step =
  | { readonly kind: "statement" | "setting" | "failure" | "interrupted"; readonly n: number }
  | { readonly kind: "stream" | "left stream"; readonly count: number }
  | { readonly kind: "listen" | "unlisten" | "notify"; readonly channel: 0 | 1 }

const channel = fc.constantFrom(0 as const, 1 as const)

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("statement" as const, "setting" as const, "failure" as const), n: fc.nat(200) }),
  fc.record({ kind: fc.constant("interrupted" as const), n: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    kind: fc.constantFrom("stream" as const, "left stream" as const),
    count: fc.integer({ min: 1, max: 100 })
  }),
  fc.record({ kind: fc.constantFrom("listen" as const, "unlisten" as const, "notify" as const), channel })
)

layer(TestPostgres.layer, { excludeTestServices: true })("one session", (it) => {
  const walk = (session: LeasedSession, steps: ReadonlyArray<Step>) =>
    Effect.gen(function* () {
      const listening = new Map<
        number,
        { readonly scope: Scope.Closeable; readonly queue: Queue.Dequeue<unknown, unknown> }
      >()
      const perform = (now: Step): Effect.Effect<unknown, unknown, Scope.Scope> => {
        switch (now.kind) {
          case "statement":
            return Effect.all([one(session, now.n), one(session, now.n + 1)], { concurrency: "unbounded" })
          case "setting":
            return session.executeRaw(`set timezone to 'Etc/GMT+${now.n % 12}'`, [])
          case "failure":
            return Effect.map(Effect.exit(session.executeRaw("select 1 / $1::int", [0])), (exit) =>
              assert.isTrue(Exit.isFailure(exit))
            )
          case "interrupted":
            return Effect.timeoutOption(session.executeRaw("select pg_sleep($1)", [now.n]), now.n)
          case "stream":
            return streamed(session, now.count)
          case "left stream":
            return Effect.map(Stream.runCollect(Stream.take(series(session, now.count + 5), 3)), (rows) =>
              assert.strictEqual(rows.length, 3)
            )
          case "listen":
            return Effect.gen(function* () {
              if (listening.has(now.channel)) return
              const scope = yield* Scope.fork(yield* Scope.Scope)
              const queue = yield* Scope.provide(session.listen(`channel_${now.channel}`), scope)
              listening.set(now.channel, { scope, queue })
            })
          case "unlisten":
            return Effect.suspend(() => {
              const listener = listening.get(now.channel)
              listening.delete(now.channel)
              return listener === undefined ? Effect.void : Scope.close(listener.scope, Exit.void)
            })
          case "notify":
            return Effect.gen(function* () {
              yield* session.executeRaw("select pg_notify($1, $2)", [`channel_${now.channel}`, "news"])
              const listener = listening.get(now.channel)
              if (listener === undefined) return
              const received = yield* Effect.timeoutOrElse(Queue.take(listener.queue), {
                duration: 120_000,
                orElse: () => Effect.die(new Error("No notification came"))
              })
              assert.deepInclude(received, { channel: `channel_${now.channel}`, payload: "news" })
            })
        }
      }
      for (const now of steps) yield* perform(now)
      yield* one(session, 7)
    })

  it.effect(
    "answers each in its own way, in any order and with its bytes cut anywhere",
    () =>
      Effect.gen(function* () {
        const { pool, proxy } = yield* oneSession
        yield* untilPool(pool, "it is open", (s) => s.idle === 1)
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(
              fc.array(step, { minLength: 1, maxLength: 12 }),
              fc.constantFrom(1, 2, 3, 7, 100, 100_000),
              (steps, bytes) =>
                Effect.gen(function* () {
                  yield* proxy.setMode(bytes < 100_000 ? FaultMode.slice(bytes) : FaultMode.pass)
                  yield* Effect.scoped(Effect.flatMap(pool.get, (session) => walk(session, steps)))
                  assert.deepStrictEqual(yield* pool.execute("select current_setting('timezone') as tz"), [
                    { tz: "UTC" }
                  ])
                }).pipe(Effect.runPromise)
            ),
            { numRuns: 25 }
          )
        )
        assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
      }),
    timed
  )

  it.effect("lets two listeners start at the same time, while it streams", () =>
    Effect.gen(function* () {
      const { pool } = yield* oneSession
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* pool.get
          const [first, second] = yield* Effect.all(
            [session.listen("first"), session.listen("second"), streamed(session, 2000), one(session, 3)],
            { concurrency: "unbounded" }
          )
          yield* session.executeRaw("select pg_notify('first', 'a'), pg_notify('second', 'b')", [])
          assert.deepInclude(yield* Queue.take(first), { payload: "a" })
          assert.deepInclude(yield* Queue.take(second), { payload: "b" })
        })
      )
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )

  it.effect("continues a statement when the listener beside it ends", () =>
    Effect.gen(function* () {
      const { pool } = yield* oneSession
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* pool.get
          const scope = yield* Scope.make()
          yield* Scope.provide(session.listen("news"), scope)
          const long = yield* Effect.forkChild(session.executeRaw("select pg_sleep(0.1), 1 as one", []), {
            startImmediately: true
          })
          const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
          const behind = yield* Effect.forkChild(streamed(session, 100), { startImmediately: true })
          assert.strictEqual((yield* Fiber.join(long)).rows[0]?.["one"], 1)
          yield* Fiber.join(closing)
          yield* Fiber.join(behind)
          yield* one(session, 5)
        })
      )
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )

  it.effect("ends a statement that is interrupted beside a listener, which goes on listening", () =>
    Effect.gen(function* () {
      const { pool } = yield* oneSession
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* pool.get
          const queue = yield* session.listen("news")
          yield* Effect.timeoutOption(session.executeRaw("select pg_sleep(60)", []), 50)
          yield* session.executeRaw("select pg_notify('news', 'still here')", [])
          assert.deepInclude(yield* Queue.take(queue), { payload: "still here" })
        })
      )
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )

  it.effect("changes owner repeatedly while notifications arrive in pieces", () =>
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { pool, proxy, sql } = yield* oneSession
      yield* untilPool(pool, "it is open", (s) => s.idle === 1)
      yield* proxy.setMode(FaultMode.slice(3))
      const noise = yield* Effect.forkChild(
        Effect.forever(postgres.admin("select pg_notify('noise', repeat('z', 300))"))
      )
      for (let round = 0; round < 10; round++) {
        yield* Effect.scoped(
          Effect.flatMap(pool.get, (session) =>
            Effect.gen(function* () {
              const queue = yield* Effect.scoped(session.listen("noise"))
              assert.isDefined(queue)
            })
          )
        )
        assert.deepStrictEqual(yield* sql`select ${round}::int as n`, [{ n: round }])
      }
      yield* Fiber.interrupt(noise)
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 0)
    })
  )
})
