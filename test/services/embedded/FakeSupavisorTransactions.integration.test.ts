import { assert, layer } from "@effect/vitest"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import { query } from "../../../src/services/embedded/fake-supavisor/BackendMessages.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { until } from "../../PoolHarness.ts"
import { logIn } from "./fake-supavisor/RecordingClient.ts"
import { backendLives, lastError, startFake, untilRunning } from "./fake-supavisor/StartFake.ts"
import { timed } from "../../Timing.ts"

const transaction = { mode: "transaction" } as const

layer(TestPostgres.layer, { excludeTestServices: true })("the transaction port of FakeSupavisor", (it) => {
  it.effect("serves many clients with few backends, which keep what a client set", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ poolSize: 1 })
      const clients = yield* Effect.forEach([1, 2, 3, 4, 5], () => logIn(fake.url(undefined, transaction)))
      const pids = yield* Effect.forEach(clients, (client) => client.run("select pg_backend_pid()"))
      assert.strictEqual(new Set(pids.flat(2)).size, 1)
      yield* clients[0]!.run("set work_mem = '3MB'")
      assert.deepStrictEqual(yield* clients[1]!.run("show work_mem"), [["3MB"]])
      assert.strictEqual(fake.maxClients(), 0, "none of them is a session")
    })
  )

  it.effect("keeps the backend for a transaction, and for everything in the pipe", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ poolSize: 5 })
      const first = yield* logIn(fake.url(undefined, transaction))
      const second = yield* logIn(fake.url(undefined, transaction))
      yield* first.run("begin")
      const [[held] = []] = yield* first.run("select pg_backend_pid()")
      const [[other] = []] = yield* second.run("select pg_backend_pid()")
      assert.notStrictEqual(held, other)
      assert.deepStrictEqual(yield* first.run("select pg_backend_pid()"), [[held]])
      yield* first.run("commit")
      second.rows.length = 0
      second.send(Buffer.concat(Array.from({ length: 3 }, () => query("select pg_backend_pid() from pg_sleep(0.01)"))))
      yield* second.until(() => second.rows.length === 3)
      assert.strictEqual(new Set(second.rows.flat()).size, 1)
    })
  )

  it.effect(
    "lets the fourth query at pool_size 2 wait, and names the time in the error",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ poolSize: 2, checkoutTimeout: "1 second", timeScale: 0.2 })
        const clients = yield* Effect.forEach([1, 2, 3, 4], () => logIn(fake.url(undefined, transaction)))
        for (const client of clients.slice(0, 3)) client.query("select pg_sleep(20)")
        yield* untilRunning("select pg_sleep(20)", 3)
        clients[3]!.query("select 1")
        yield* clients[3]!.ended
        assert.strictEqual(
          lastError(clients[3]!),
          "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 1000ms in Transaction mode"
        )
        yield* (yield* TestPostgres).admin(
          "select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(20)'"
        )
        yield* Effect.all(clients.slice(0, 3).map((client) => client.ended))
        assert.strictEqual(lastError(clients[0]!), "terminating connection due to administrator command")
      }),
    timed
  )

  it.effect("refuses clients beyond its limit, and closes the backend of one that leaves in a transaction", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ maxClients: 1 })
      const client = yield* logIn(fake.url(undefined, transaction))
      const refused = yield* logIn(fake.url(undefined, transaction))
      assert.strictEqual(lastError(refused), "(EMAXCONN) max client connections reached, limit: 1")
      yield* client.run("begin")
      const [[pid] = []] = yield* client.run("select pg_backend_pid()")
      client.send(PgProtocol.encodeTerminate())
      client.socket.end()
      yield* fake.awaitClients(0)
      yield* until(
        "the backend is gone",
        Effect.map(backendLives(pid), (lives) => !lives)
      )
    })
  )

  it.effect(
    "accepts the login while PostgreSQL is down, and the first query fails",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.1 })
        const postgres = yield* TestPostgres
        const client = yield* logIn(fake.url(undefined, transaction))
        yield* postgres.stop("fast")
        yield* fake.drain
        yield* client.ended
        const down = yield* logIn(fake.url(undefined, transaction))
        assert.strictEqual(down.transcript.at(-1), "ReadyForQuery I")
        assert.isAtLeast(down.at.at(-1) ?? 0, 95)
        yield* down.run("select 1")
        yield* postgres.start
        assert.strictEqual(lastError(down), "Failed to connect to database: {:error, :econnrefused}")
      }),
    timed
  )
})
