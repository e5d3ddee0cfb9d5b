import { assert, layer } from "@effect/vitest"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { logIn } from "./fake-supavisor/RecordingClient.ts"
import { backendLives, cancel, changed, shown, startFake, untilRunning } from "./fake-supavisor/StartFake.ts"
import { transcripts } from "./fake-supavisor/Transcripts.ts"
import { elapsed, timed } from "../../Timing.ts"

/** A hundredth of the pooler's times: 5 ms instead of the half second before some answers. */
const SWIFT = 0.03

layer(TestPostgres.layer, { excludeTestServices: true })("what Supavisor 2.9.7 was seen to send", (it) => {
  it.effect("to a login with extra startup parameters and a prepared query", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const client = yield* logIn(fake.url(), { application_name: "recorder", statement_timeout: "1234" })
      for (const message of [
        Result.getOrThrow(PgProtocol.encodeParse({ name: "", query: "select 1", parameterTypes: [] })),
        Result.getOrThrow(PgProtocol.encodeBind({ portal: "", statement: "", parameters: [] })),
        PgProtocol.encodeDescribe({ target: "portal", name: "" }),
        PgProtocol.encodeExecute({ portal: "", maxRows: 0 }),
        PgProtocol.encodeSync()
      ]) {
        client.send(message)
      }
      yield* client.until((all) => all.at(-1) === "ReadyForQuery I" && all.includes("DataRow"))
      assert.deepStrictEqual([shown(client)], transcripts.login)
      assert.strictEqual(client.parameters.get("application_name"), "Supavisor")
    })
  )

  it.effect(
    "to logins that it refuses",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: SWIFT })
        const url = fake.url()
        const cases = {
          "wrong-password": changed(url, { password: "wrong" }),
          "unknown-tenant": changed(url, { username: `postgres.${"z".repeat(20)}` }),
          "no-tenant": changed(url, { username: "postgres" }),
          "unknown-role": changed(url, { username: "nobody.abcdefghijklmnopqrst" }),
          "missing-database": changed(url, { pathname: "/nodb" })
        } as const
        const seen = yield* Effect.all(
          Object.values(cases).map((each) =>
            logIn(each).pipe(
              Effect.tap((client) => client.ended),
              Effect.map((client) => [shown(client)])
            )
          )
        )
        assert.deepStrictEqual(
          seen,
          Object.keys(cases).map((name) => transcripts[name as keyof typeof cases])
        )
      }),
    timed
  )

  it.effect("to the sixth session at pool_size 5", () =>
    Effect.gen(function* () {
      const fake = yield* startFake({ poolSize: 5 })
      const clients = yield* Effect.forEach(transcripts.exhausted, () => logIn(fake.url()))
      yield* clients[5]!.ended
      assert.deepStrictEqual(clients.map(shown), transcripts.exhausted)
      assert.strictEqual(fake.maxClients(), 5)
    })
  )

  it.effect("when PostgreSQL ends a session, idle or busy", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const postgres = yield* TestPostgres
      const ended = Effect.fnUntraced(function* (busy: boolean) {
        const client = yield* logIn(fake.url())
        const [[pid] = []] = yield* client.run("select pg_backend_pid()")
        if (busy) {
          client.query("select pg_sleep(20)")
          yield* untilRunning("select pg_sleep(20)", 1)
        }
        yield* postgres.admin("select pg_terminate_backend($1::int)", [Number(pid)])
        yield* client.ended
        return [shown(client)]
      })
      assert.deepStrictEqual(yield* ended(false), transcripts["terminated-idle"])
      assert.deepStrictEqual(yield* ended(true), transcripts["terminated-busy"])
    })
  )

  it.effect(
    "when the tenant's record changes: idle, busy for a while, busy for too long",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.2 })
        const idle = yield* logIn(fake.url())
        yield* idle.run("select pg_sleep(0)")
        const busy = yield* logIn(fake.url())
        busy.query("select 1 from pg_sleep(0.5)")
        const long = yield* logIn(fake.url())
        const [longInfo] = fake.clients().slice(-1)
        long.query("select pg_sleep(12)")
        yield* untilRunning("select pg_sleep(12)", 1)
        const began = performance.now()
        assert.isAtMost(yield* elapsed(fake.drain), 1300)
        assert.isAtLeast(performance.now() - began, 700)
        yield* Effect.all([idle.ended, busy.ended, long.ended])
        assert.deepStrictEqual([shown(idle)], transcripts["drain-idle"])
        assert.deepStrictEqual([shown(busy)], transcripts["drain-busy"])
        assert.deepStrictEqual([shown(long)], transcripts["drain-long"])
        assert.isTrue(yield* backendLives(String(longInfo?.backendPid)), "its backend goes on")
        yield* (yield* TestPostgres).admin("select pg_terminate_backend($1::int)", [longInfo?.backendPid])
      }),
    timed
  )

  it.effect(
    "to a client that leaves in mid-query: nothing, and the backend goes on",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake()
        const clients = yield* Effect.forEach(transcripts["leave-busy"], () => logIn(fake.url()))
        clients[0]!.query("select pg_sleep(1.5)")
        yield* untilRunning("select pg_sleep(1.5)", 1)
        clients[0]!.socket.destroy()
        yield* fake.awaitClients(1)
        yield* untilRunning("select pg_sleep(1.5)", 1)
        yield* untilRunning("select pg_sleep(1.5)", 0)
        assert.deepStrictEqual(clients.map(shown), transcripts["leave-busy"])
        assert.strictEqual(fake.counters().abandoned, 1)
      }),
    timed
  )

  it.effect("to a cancel request and to the session it is for", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const client = yield* logIn(fake.url())
      client.query("select pg_sleep(20)")
      yield* untilRunning("select pg_sleep(20)", 1)
      const canceller = yield* cancel(fake.sessionPort, client.key)
      yield* client.until((all) => all.some((entry) => entry.includes("57014")) && all.at(-1) === "ReadyForQuery I")
      assert.deepStrictEqual([shown(client), shown(canceller)], transcripts.cancel)
    })
  )

  it.effect("to a statement timeout, and to an idle transaction's", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const client = yield* logIn(fake.url())
      yield* client.run("set statement_timeout = 30")
      yield* client.run("select pg_sleep(2)")
      yield* client.run("select 1")
      assert.deepStrictEqual([shown(client)], transcripts["statement-timeout"])
      const lazy = yield* logIn(fake.url())
      yield* lazy.run("set idle_in_transaction_session_timeout = 30")
      yield* lazy.run("begin")
      yield* lazy.ended
      assert.deepStrictEqual([shown(lazy)], transcripts["idle-in-transaction"])
    })
  )

  it.effect("of a notification between two sessions", () =>
    Effect.gen(function* () {
      const fake = yield* startFake()
      const clients = yield* Effect.forEach(transcripts.listen, () => logIn(fake.url()))
      yield* clients[0]!.run("listen ch")
      yield* clients[1]!.run("notify ch, 'hi'")
      yield* clients[0]!.until((all) => all.at(-1) === "NotificationResponse ch")
      assert.deepStrictEqual(clients.map(shown), transcripts.listen)
    })
  )

  it.effect(
    "to a session that is idle for two minutes",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.01 })
        const client = yield* logIn(fake.url())
        yield* client.run("select pg_sleep(0)")
        const from = client.at.at(-1) ?? 0
        yield* client.until((all) => all.slice(-2).every((entry) => entry === "ParameterStatus application_name"))
        assert.deepStrictEqual([shown(client)], transcripts.heartbeat)
        assert.isAtLeast((client.at.at(-1) ?? 0) - from, 1190)
        assert.strictEqual(fake.counters().heartbeats, 2)
      }),
    timed
  )

  it.effect(
    "to ten wrong passwords, and then to the right one",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: SWIFT })
        const wrong = changed(fake.url(), { password: "wrong" })
        yield* Effect.flatMap(logIn(wrong), (client) => client.ended)
        const clients = yield* Effect.forEach(transcripts.breaker, (_, index) =>
          Effect.tap(logIn(index === transcripts.breaker.length - 1 ? fake.url() : wrong), (client) => client.ended)
        )
        assert.deepStrictEqual(clients.map(shown), transcripts.breaker)
      }),
    timed
  )

  it.effect(
    "when PostgreSQL stops and comes back",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake({ timeScale: 0.2 })
        const postgres = yield* TestPostgres
        const idle = yield* logIn(fake.url())
        yield* idle.run("select pg_sleep(0)")
        const busy = yield* logIn(fake.url())
        busy.query("select pg_sleep(20)")
        yield* untilRunning("select pg_sleep(20)", 1)
        yield* postgres.stop("fast")
        yield* Effect.all([idle.ended, busy.ended])
        const down = yield* Effect.tap(logIn(fake.url()), (client) => client.ended)
        yield* postgres.start
        const up = yield* logIn(fake.url())
        assert.deepStrictEqual([idle, busy, down, up].map(shown), transcripts["postgres-fast-stop"])
        assert.isAtLeast(up.at.at(-1) ?? 0, 100, "it waited for the rest of the 2.5 s rest, scaled to 0.5 s")
      }),
    timed
  )

  it.effect(
    "when the pooler's process ends",
    () =>
      Effect.gen(function* () {
        const fake = yield* startFake()
        const idle = yield* logIn(fake.url())
        yield* idle.run("select pg_sleep(0)")
        const busy = yield* logIn(fake.url())
        busy.query("select pg_sleep(1.5)")
        yield* untilRunning("select pg_sleep(1.5)", 1)
        const closing = yield* Effect.forkChild(fake.closeAll)
        yield* Effect.all([idle.ended, busy.ended])
        yield* untilRunning("select pg_sleep(1.5)", 1)
        yield* Fiber.join(closing)
        assert.deepStrictEqual([idle, busy].map(shown), transcripts["pooler-sigterm"])
        assert.deepStrictEqual([idle, busy].map(shown), transcripts["pooler-sigkill"])
      }),
    timed
  )
})
