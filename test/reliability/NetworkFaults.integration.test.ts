import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { SessionError } from "../../src/services/errors/SessionError.ts"
import { FaultMode } from "../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../src/testing/TestPostgres.ts"
import { backends, poolAt, stack, until, untilPool } from "../PoolHarness.ts"
import { elapsed, stopped, timed } from "../Timing.ts"

/** From a reset until the caller gets the error: two hops on one busy machine. */
const NOTICED_MILLIS = 250

/** From a reset until another session is open in its place. */
const REPLACED_MILLIS = 1000

/** A session that was silent for a second is probed before it is leased. */
const SILENT_MILLIS = 1050

/** Longer than a session may take to answer a probe. */
const STALL_MILLIS = 2200

const CONNECT_MILLIS = 400

/** What may be read ahead of a reader that has stopped: the buffers of four sockets and of the driver. */
const READ_AHEAD_BYTES = 20_000_000

const noBackend = Effect.map(backends, (pids) => pids.length === 0)

layer(TestPostgres.layer, { excludeTestServices: true })("over a bad network", (it) => {
  it.effect(
    "a reset during a query fails that query at once and no other, and the session is replaced",
    () =>
      Effect.gen(function* () {
        const { pool, proxy, sql } = yield* stack({ pool: { min: 2, max: 2 } })
        yield* untilPool(pool, "min is open", (s) => s.open === 2)
        const victim = yield* Effect.forkChild(Effect.flip(sql`select pg_sleep(30)`), { startImmediately: true })
        const other = yield* Effect.forkChild(sql`select pg_sleep(0.5)::text, 1 as one`, { startImmediately: true })
        const sessions = (yield* pool.sessions).toSorted((a, b) => a.sessionId - b.sessionId)
        const asleep = sessions.findIndex(({ statement }) => statement === "select pg_sleep(30)")
        yield* Effect.sync(() => proxy.connections()[asleep]!.reset())
        const [noticed, error] = yield* stopped(Fiber.join(victim))
        assert.isBelow(noticed, NOTICED_MILLIS)
        assert.isTrue(error.isRetryable)
        assert.strictEqual(SessionError.fromSqlError(error)?.reason._tag, "SessionLost")
        const replaced = yield* elapsed(
          untilPool(pool, "both are open again", (s) => s.open === 2 && s.counters.closed.lost === 1)
        )
        assert.isBelow(noticed + replaced, REPLACED_MILLIS)
        assert.strictEqual((yield* Fiber.join(other))[0]?.["one"], 1)
      }),
    timed
  )

  it.effect("a close without a message while idle affects none of a hundred callers", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 3, max: 3 } })
      yield* untilPool(pool, "min is open", (s) => s.open === 3)
      yield* proxy.cutAll("end")
      yield* untilPool(pool, "the pool has noticed it", (s) => s.counters.closed.lost === 3)
      const answers = yield* Effect.forEach(Array.from({ length: 100 }), (_, n) => sql`select ${n}::int as n`, {
        concurrency: 10
      })
      assert.deepStrictEqual(
        answers.map((rows) => rows[0]?.["n"]),
        Array.from({ length: 100 }, (_, n) => n)
      )
      assert.strictEqual((yield* pool.snapshot).counters.closed.lost, 3)
    })
  )

  it.effect("a login without reply, before or after the password, leaves neither socket nor backend behind", () =>
    Effect.gen(function* () {
      const { pool, proxy } = yield* stack({
        startup: "lazy",
        pool: { min: 0, max: 1 },
        connectTimeout: CONNECT_MILLIS
      })
      const silences = [
        FaultMode.stallAccept,
        FaultMode.when(FaultMode.contains("server_version", "toClient"), FaultMode.blackhole({ closes: "forward" }), {
          matched: "withhold"
        })
      ]
      for (const [index, silence] of silences.entries()) {
        yield* proxy.setMode(silence)
        const caller = yield* Effect.forkChild(Effect.exit(pool.use(() => Effect.void)), { startImmediately: true })
        yield* untilPool(pool, "the dial was given up", (s) => s.counters.dialsFailed.network > index)
        yield* Fiber.interrupt(caller)
        yield* proxy.awaitOpen(0)
        yield* proxy.setMode(FaultMode.pass)
        yield* until("no backend is left", noBackend)
        assert.include((yield* pool.snapshot).lastFailure?.message, "authentication phase")
      }
    })
  )

  it.effect("a dial waits for a server that accepts slowly", () =>
    Effect.gen(function* () {
      const { pool, proxy } = yield* stack({ startup: "lazy", pool: { min: 0, max: 1 } })
      yield* proxy.setMode(FaultMode.stallAccept)
      const caller = yield* Effect.forkChild(
        pool.use((session) => Effect.succeed(session.info)),
        { startImmediately: true }
      )
      yield* proxy.awaitAccepted(1)
      const accepted = performance.now()
      yield* until(
        "half a second has passed",
        Effect.sync(() => performance.now() - accepted > 500)
      )
      yield* proxy.setMode(FaultMode.pass)
      const { timings } = yield* Fiber.join(caller)
      assert.isAtLeast(timings.authentication, 500)
      assert.strictEqual((yield* pool.snapshot).counters.dialsStarted, 1)
    })
  )

  it.effect("a request that arrives byte by byte is complete", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* proxy.setMode(FaultMode.slice(1, 2))
      assert.deepStrictEqual(yield* sql`select ${"ä€😀"}::text as said, ${42}::int as n`, [{ said: "ä€😀", n: 42 }])
    })
  )

  it.effect("ten thousand rows in pieces of a few bytes are the same rows", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 }, statementTimeout: "2 minutes" })
      const rows = sql`select g, md5(g::text) as hash from generate_series(1, 10000) g`
      const whole = yield* rows
      yield* proxy.setMode(FaultMode.slice(7))
      assert.deepStrictEqual(yield* rows, whole)
    })
  )

  it.effect("varying latency makes callers wait and none fail", () =>
    Effect.gen(function* () {
      const { pool, proxy, sql } = yield* stack({ pool: { min: 1, max: 5 } })
      let turn = 0
      yield* proxy.setMode(FaultMode.delay({ toClientMillis: () => 10 + ((turn++ * 7) % 40) }))
      yield* Effect.forEach(Array.from({ length: 100 }), () => sql`select 1`, { concurrency: 20 })
      const { counters, open } = yield* pool.snapshot
      assert.isAtMost(open, 5)
      assert.strictEqual(counters.acquired.timeout + counters.acquired.failed + counters.closed["probe-failed"], 0)
      assert.strictEqual(counters.dialsStarted, counters.dialsSucceeded + (yield* pool.snapshot).connecting)
    })
  )

  it.effect("a result at low bandwidth is streamed completely, and a reader that stops slows down the server", () =>
    Effect.gen(function* () {
      const { proxy, sql } = yield* stack({ pool: { min: 1, max: 1 } })
      yield* proxy.setMode(FaultMode.slice(8192, 1))
      const some = sql`select repeat('x', 1000) as line from generate_series(1, 2000)`.stream
      assert.strictEqual(yield* Stream.runCount(some), 2000)
      yield* proxy.setMode(FaultMode.pass)
      const [connection] = proxy.connections()
      const before = connection!.bytes.fromServer
      const sent = () => connection!.bytes.fromServer - before
      let last = -1
      const stopped = until(
        "nothing more is sent",
        Effect.sync(() => {
          const still = sent() > 0 && sent() === last
          last = sent()
          return still
        })
      )
      yield* sql`select repeat('x', 1000) as line from generate_series(1, 100000)`.stream.pipe(
        Stream.rechunk(1),
        Stream.take(1),
        Stream.tap(() => stopped),
        Stream.runDrain
      )
      assert.isBelow(last, READ_AHEAD_BYTES)
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
    })
  )

  it.effect(
    "a process that is blocked for longer than a probe takes does not close working sessions",
    () =>
      Effect.gen(function* () {
        const postgres = yield* TestPostgres
        // Without a proxy in between, which would be stopped as well and withhold the answer.
        const { pool } = yield* poolAt({ url: postgres.url, pool: { min: 1, max: 1 } })
        const opened = performance.now()
        yield* until(
          "the session was silent for so long that it is probed",
          Effect.sync(() => performance.now() - opened > SILENT_MILLIS)
        )
        const caller = yield* Effect.forkChild(
          pool.use(() => Effect.void),
          { startImmediately: true }
        )
        assert.strictEqual((yield* pool.snapshot).counters.probes, 1)
        const started = performance.now()
        while (performance.now() - started < STALL_MILLIS);
        assert.isBelow(yield* elapsed(Fiber.join(caller)), NOTICED_MILLIS)
        assert.strictEqual((yield* pool.snapshot).counters.closed["probe-failed"], 0)
      }),
    timed
  )
})
