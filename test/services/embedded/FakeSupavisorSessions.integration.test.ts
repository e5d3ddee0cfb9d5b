import { assert, layer } from "@effect/vitest"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { query } from "../../../src/services/embedded/fake-supavisor/BackendMessages.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { until } from "../../PoolHarness.ts"
import { logIn, type RecordingClient } from "./fake-supavisor/RecordingClient.ts"
import { backendLives, cancel, lastError, startFake, untilRunning } from "./fake-supavisor/StartFake.ts"
import { timed } from "../../Timing.ts"

const refusal = (poolSize: number) =>
  `(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: ${poolSize}`

const pidOf = (client: RecordingClient) => Effect.map(client.run("select pg_backend_pid()"), (rows) => rows[0]?.[0])

const leave = (client: RecordingClient) =>
  Effect.suspend(() => {
    client.send(PgProtocol.encodeTerminate())
    return client.ended
  })

layer(TestPostgres.layer, { excludeTestServices: true })("a session of FakeSupavisor", (it) => {
  it.effect("gets the backend of a client that sent Terminate, without its state", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const first = yield* logIn(fake.url())
      const pid = yield* pidOf(first)
      assert.notStrictEqual(String(first.key.pid), pid, "BackendKeyData is the pooler's own")
      yield* first.run("set statement_timeout = '7s'; create temp table t (n int); select pg_advisory_lock(7)")
      yield* leave(first)
      yield* until(
        "the backend is clean",
        Effect.sync(() => fake.counters().discards === 1)
      )
      const second = yield* logIn(fake.url())
      assert.strictEqual(yield* pidOf(second), pid)
      const rows = yield* second.run(
        "select current_setting('statement_timeout'), to_regclass('t'), count(*) from pg_locks where locktype = 'advisory'"
      )
      assert.deepStrictEqual(rows, [["0", undefined, "0"]])
    })
  )

  it.effect("gets of several clean backends the one that was used last", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const clients = yield* Effect.forEach([1, 2, 3], () => logIn(fake.url()))
      const pids = yield* Effect.forEach(clients, pidOf)
      for (const [index, client] of [clients[2]!, clients[0]!, clients[1]!].entries()) {
        yield* leave(client)
        yield* until(
          "the backend is clean",
          Effect.sync(() => fake.counters().discards === index + 1)
        )
      }
      assert.strictEqual(yield* pidOf(yield* logIn(fake.url())), pids[1])
      assert.strictEqual(yield* pidOf(yield* logIn(fake.url())), pids[0])
    })
  )

  it.effect("loses its startup parameters except its name and the search path", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const client = yield* logIn(fake.url(), {
        application_name: String.raw`o'k \ x`,
        statement_timeout: "1234",
        TimeZone: "Asia/Tokyo",
        "_pq_.x": "1",
        options: "-c work_mem=1MB --search_path=app,\\ public"
      })
      const rows = yield* client.run(
        `select current_setting('application_name'), current_setting('statement_timeout'),
          current_setting('TimeZone') = 'Asia/Tokyo', current_setting('work_mem'), current_setting('search_path')`
      )
      assert.deepStrictEqual(rows, [[String.raw`Supavisor - o'k \ x`, "0", "f", "4MB", "app, public"]])
      yield* logIn(fake.url())
      const pids = fake.clients().map((each) => each.backendPid)
      assert.strictEqual(new Set(pids).size, 2, "another search path is another pool")
    })
  )

  it.effect(
    "frees its place at once, however it disconnects",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ poolSize: 1 })
        const ways: ReadonlyArray<(client: RecordingClient) => void> = [
          (client) => client.send(PgProtocol.encodeTerminate()),
          (client) => client.socket.end(),
          (client) => client.socket.resetAndDestroy(),
          (client) => client.query("select pg_sleep(0.3)"),
          (client) => client.query("begin")
        ]
        for (const way of ways) {
          const client = yield* logIn(fake.url())
          assert.strictEqual(client.transcript.at(-1), "ReadyForQuery I")
          const refused = yield* logIn(fake.url())
          assert.strictEqual(lastError(refused), refusal(1))
          way(client)
          if (way === ways[3]) yield* untilRunning("select pg_sleep(0.3)", 1)
          if (way === ways[4]) yield* client.until((all) => all.at(-1) === "ReadyForQuery T")
          client.socket.destroySoon()
          yield* fake.awaitClients(0)
        }
        assert.strictEqual(fake.counters().refusalsByCode.get("EMAXCONNSESSION"), ways.length)
        assert.strictEqual(fake.maxClients(), 1)
      }),
    timed
  )

  it.effect("that disconnects in a transaction, or with Terminate behind a query, ends its backend", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const inTransaction = yield* logIn(fake.url())
      const first = yield* pidOf(inTransaction)
      yield* inTransaction.run("begin")
      yield* leave(inTransaction)
      yield* until(
        "its backend is gone",
        Effect.map(backendLives(first), (lives) => !lives)
      )
      const coalesced = yield* logIn(fake.url())
      const second = yield* pidOf(coalesced)
      coalesced.send(Buffer.concat([query("select 1"), PgProtocol.encodeTerminate()]))
      yield* coalesced.ended
      yield* until(
        "its backend is gone",
        Effect.map(backendLives(second), (lives) => !lives)
      )
      assert.strictEqual(fake.counters().discards, 0)
    })
  )

  it.effect("is one of two in a burst of twelve at pool_size 2; the others are refused at once", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ poolSize: 2 })
      const clients = yield* Effect.all(
        Array.from({ length: 12 }, () => logIn(fake.url())),
        { concurrency: "unbounded" }
      )
      const refused = clients.filter((client) => client.transcript.at(-1) !== "ReadyForQuery I")
      assert.deepStrictEqual([...new Set(refused.map(lastError))], [refusal(2)])
      assert.strictEqual(refused.length, 10)
      assert.strictEqual(fake.maxClients(), 2)
    })
  )

  it.effect(
    "waits in the queue of an old pooler, and is refused after a minute",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ poolSize: 1, queue: "wait", checkoutTimeout: "60 seconds", timeScale: 0.01 })
        const holder = yield* logIn(fake.url())
        const late = yield* logIn(fake.url())
        yield* late.ended
        assert.strictEqual(
          lastError(late),
          "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size"
        )
        assert.isAtLeast(late.at.at(-1) ?? 0, 590)
        const waiting = yield* Effect.forkChild(logIn(fake.url()))
        yield* fake.awaitClients(2)
        yield* leave(holder)
        const served = yield* Fiber.join(waiting)
        assert.strictEqual(served.transcript.at(-1), "ReadyForQuery I")
      }),
    timed
  )

  it.effect(
    "cannot log in while its pool drains, and can when it has drained; a transaction is cut at the end",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.1 })
        const client = yield* logIn(fake.url())
        yield* client.run("begin")
        const draining = yield* Effect.forkChild(fake.drain)
        yield* Effect.yieldNow
        const meanwhile = yield* logIn(fake.url())
        assert.strictEqual(lastError(meanwhile), "terminating connection due to administrator command")
        yield* client.ended
        assert.strictEqual(lastError(client), "terminating connection due to administrator command")
        assert.isAtLeast(client.at.at(-1) ?? 0, 490)
        yield* until(
          "the drain is over",
          Effect.sync(() => draining.pollUnsafe() !== undefined)
        )
        const after = yield* logIn(fake.url())
        assert.strictEqual(after.transcript.at(-1), "ReadyForQuery I")
      }),
    timed
  )

  it.effect(
    "is hit by a late cancel in its next statement, with that fault enabled",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ lateCancel: true })
        const client = yield* logIn(fake.url())
        client.query("select pg_sleep(0.3)")
        yield* untilRunning("select pg_sleep(0.3)", 1)
        yield* cancel(fake.sessionPort, client.key)
        yield* client.until((all) => all.includes("CommandComplete SELECT 1") && all.at(-1) === "ReadyForQuery I")
        yield* client.run("select pg_sleep(20)")
        assert.strictEqual(lastError(client), "canceling statement due to user request")
        assert.strictEqual(client.transcript.at(-1), "ReadyForQuery I")
      }),
    timed
  )

  it.effect(
    "is not affected by cancels with a wrong key, or while it is idle; from the other port they work",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake()
        const client = yield* logIn(fake.url())
        yield* cancel(fake.sessionPort, client.key)
        client.query("select pg_sleep(0.2)")
        yield* untilRunning("select pg_sleep(0.2)", 1)
        yield* cancel(fake.sessionPort, { ...client.key, secret: client.key.secret + 1 })
        yield* client.until((all) => all.includes("CommandComplete SELECT 1") && all.at(-1) === "ReadyForQuery I")
        assert.isUndefined(lastError(client))
        assert.strictEqual(fake.counters().cancelsRouted, 0)
        client.query("select pg_sleep(20)")
        yield* untilRunning("select pg_sleep(20)", 1)
        yield* cancel(fake.transactionPort, client.key)
        yield* client.until((all) => all.some((entry) => entry.includes("57014")) && all.at(-1) === "ReadyForQuery I")
        assert.strictEqual(lastError(client), "canceling statement due to user request")
      }),
    timed
  )

  it.effect(
    "of which the last one left long ago leaves no backend behind",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.01 })
        const client = yield* logIn(fake.url())
        const pid = yield* pidOf(client)
        yield* leave(client)
        yield* until(
          "the pool has stopped",
          Effect.map(backendLives(pid), (lives) => !lives)
        )
      }),
    timed
  )

  it.effect("is closed without a message when it is idle for longer than the pooler allows", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ clientIdleTimeout: 100 })
      const client = yield* logIn(fake.url())
      yield* client.ended
      assert.deepStrictEqual(client.transcript.slice(-2), ["ReadyForQuery I", "FIN"])
    })
  )

  it.effect("keeps large results and large statements whole, whatever their reader's pace", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const client = yield* logIn(fake.url())
      const text = "x".repeat(3_000_000)
      const [[echoed] = []] = yield* client.run(`select '${text}'`)
      assert.isTrue(echoed === text)
      client.rows.length = 0
      client.query("select repeat('y', 1000) from generate_series(1, 20000)")
      client.socket.pause()
      yield* Effect.yieldNow
      client.socket.resume()
      yield* client.until((all) => all.includes("CommandComplete SELECT 20000"))
      assert.strictEqual(client.rows.length, 20_000)
      yield* leave(client)
      yield* until(
        "the backend is clean",
        Effect.sync(() => fake.counters().discards === 1)
      )
    })
  )
})
