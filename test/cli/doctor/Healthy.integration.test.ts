import { assert, layer } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { behindPgBouncer, pooler, otherClient } from "../../pgbouncer/BehindPgBouncer.ts"
import { until } from "../../PoolHarness.ts"
import { startFake } from "../../services/embedded/fake-supavisor/StartFake.ts"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden, statusOf } from "./Golden.ts"
import { stopped, timed } from "../../Timing.ts"

/** Shorter than the statement that is cancelled; a busy machine needs a part of it. */
const INTERRUPTED_MILLIS = 1800

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor on a healthy connection", (it) => {
  it.effect("to PostgreSQL itself reports no problem and no pooler", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const report = yield* runDoctor({ url })
      assert.strictEqual(report.verdict.status, "healthy")
      assertGolden("healthy-direct", report)
    })
  )

  it.effect("through Supavisor in session mode confirms session mode", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake()
      const report = yield* runDoctor({ url: supavisor.url() })
      assert.strictEqual(report.verdict.status, "healthy")
      assertGolden("healthy-session", report)
      yield* supavisor.awaitClients(0)
    })
  )

  it.effect("through Supavisor in transaction mode confirms the configured mode", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake()
      const env = { DB_CONNECTION_TYPE: "supavisor_transaction" }
      const report = yield* runDoctor({ url: supavisor.url("postgres", { mode: "transaction" }), env })
      assert.strictEqual(statusOf(report, "session"), "pass")
      assertGolden("healthy-transaction", report)
    })
  )

  it.effect("leaves no state on the server and closes every session", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* TestPostgres
      yield* runDoctor({ url })
      const sessions = yield* admin("select 1 from pg_stat_activity where application_name like '%doctor%'")
      assert.deepStrictEqual(sessions, [])
    })
  )

  it.effect(
    "closes its sessions at once when interrupted",
    () =>
      Effect.gen(function* () {
        const { admin, url } = yield* TestPostgres
        const reached = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          runDoctor({
            url,
            // The cancel check holds a statement of two seconds on the second session.
            onStart: (id) => (id === "cancel" ? Deferred.succeed(reached, undefined) : Effect.void)
          })
        )
        yield* Deferred.await(reached)
        const [millis, exit] = yield* stopped(Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber)))
        assert.isBelow(millis, INTERRUPTED_MILLIS)
        assert.isTrue(Exit.hasInterrupts(exit))
        const left = "select 1 from pg_stat_activity where application_name like '%doctor%'"
        yield* until(
          "no session is left",
          Effect.map(Effect.orDie(admin(left)), (rows) => rows.length === 0)
        )
      }),
    timed
  )

  it.effect("runs the given checks and the checks they need", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const report = yield* runDoctor({ url, only: ["clock"] })
      const ran = [...new Set(report.results.map(({ id }) => id))]
      assert.deepStrictEqual(ran, ["config", "endpoint", "dns", "route", "tcp", "tls", "login", "clock"])
    })
  )

  it.effect("calls back before each check and with each result", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const calls: Array<string> = []
      const record = (word: string) => Effect.sync(() => void calls.push(word))
      yield* runDoctor({
        url,
        only: ["endpoint"],
        onStart: (id) => record(`start ${id}`),
        onResult: ({ id }) => record(`result ${id}`)
      })
      assert.deepStrictEqual(calls, ["start config", "result config", "start endpoint", "result endpoint"])
    })
  )
})

behindPgBouncer("the doctor behind PgBouncer", (it) => {
  it.effect("detects transaction mode", () =>
    Effect.gen(function* () {
      const { bouncer } = yield* pooler({ pool_mode: "transaction" })
      const report = yield* runDoctor({ url: bouncer.url })
      assert.strictEqual(statusOf(report, "session"), "fail")
      assertGolden("pgbouncer-transaction", report)
    })
  )

  it.effect("detects transaction mode with a single server connection, because the first connection has to wait", () =>
    Effect.gen(function* () {
      const { bouncer } = yield* pooler({ pool_mode: "transaction", default_pool_size: 1 })
      const report = yield* runDoctor({ url: bouncer.url, only: ["session"] })
      assert.strictEqual(statusOf(report, "session"), "fail")
    })
  )

  it.effect("reports query_wait_timeout when no server connection is free", () =>
    Effect.gen(function* () {
      const { bouncer } = yield* pooler({ pool_mode: "session", default_pool_size: 1, query_wait_timeout: 1 })

      yield* otherClient(bouncer)
      const report = yield* runDoctor({ url: bouncer.url, only: ["login"], timeout: "5 seconds" })
      assertGolden("pgbouncer-query-wait", report)
    })
  )
})
