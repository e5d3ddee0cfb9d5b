import { assert, layer } from "@effect/vitest"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { FakeSupavisor } from "../../../src/services/embedded/FakeSupavisor.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { fatalAnswer } from "../../reliability/FatalAnswer.ts"
import { cannedServer, authenticationOk } from "../../services/doctor/checks/CannedServer.ts"
import { changed, startFake } from "../../services/embedded/fake-supavisor/StartFake.ts"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden, statusOf } from "./Golden.ts"
import { timed } from "../../Timing.ts"

/** Shortens the pooler's delays of half a second. */
const QUICK = { timeScale: 0.05 }

/** Ten failed logins in 150 s block the address (Supavisor 2.9 source, circuit_breaker.ex). */
const FAILURES_TO_BLOCK = 10

/** Most cancels arrive in time; so many in a row are never all lost. */
const MOST_CANCELS = 4

const REFERENCE = "abcdefghijklmnopqrst"

const LOGIN = { only: ["login"] } as const

/** Opens sessions of another client until the scope closes. */
const hold = (supavisor: FakeSupavisor["Service"], count: number) =>
  Effect.gen(function* () {
    for (let held = 0; held < count; held++) {
      yield* PgConnection.make({ url: supavisor.url(), applicationName: `holder-${held + 1}` })
    }
    yield* supavisor.awaitClients(count)
  })

const at = (port: number, user = `postgres.${REFERENCE}`) =>
  `postgresql://${user}:s3cr3t-CANARY%2F@127.0.0.1:${port}/postgres`

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor with a pooler that refuses logins", (it) => {
  it.effect("reports an unknown project and advises against a new password", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      const url = changed(supavisor.url(), { username: "postgres.zyxwvutsrqponmlkjihg" })
      const report = yield* runDoctor({ url })
      assert.notInclude(JSON.stringify(report), "zyxwvutsrqponmlkjihg")
      assertGolden("unknown-tenant", report)
    })
  )

  it.effect("recognizes an older pooler's message about an unknown project", () =>
    Effect.gen(function* () {
      const port = yield* cannedServer(fatalAnswer("XX000", "Tenant or user not found"))
      assertGolden("unknown-tenant-old", yield* runDoctor({ url: at(port), ...LOGIN }))
    })
  )

  it.effect("reports a user name without the project reference to a pooler that needs it", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      const url = changed(supavisor.url(), { username: "postgres" })
      const env = { DB_CONNECTION_TYPE: "supavisor_session" }
      assertGolden("no-reference", yield* runDoctor({ url, env, ...LOGIN }))
    })
  )

  it.effect("explains a wrong password and does not retry it", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      const url = changed(supavisor.url(), { password: "s3cr3t-CANARY%2F%40" })
      assertGolden("wrong-password", yield* runDoctor({ url }))
      assert.strictEqual(supavisor.counters().refusalsByCode.get("28P01"), 1)
    })
  )

  it.effect(
    "recommends to wait when the pooler blocks logins after wrong passwords",
    () =>
      Effect.gen(function* () {
        const supavisor = yield* startFake(QUICK)
        const wrong = changed(supavisor.url(), { password: "s3cr3t-CANARY" })
        for (let failures = 0; failures < FAILURES_TO_BLOCK; failures++) yield* runDoctor({ url: wrong, ...LOGIN })
        assertGolden("circuit-breaker", yield* runDoctor({ url: supavisor.url(), ...LOGIN }))
      }),
    timed
  )

  it.effect("reports a role that the pooler does not have", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      const url = changed(supavisor.url(), { username: `agent.${REFERENCE}` })
      assertGolden("unknown-role", yield* runDoctor({ url, ...LOGIN }))
    })
  )

  it.effect("names the address that the network restrictions refuse", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      yield* Effect.orDie(supavisor.allowList(["10.0.0.0/8"]))
      assertGolden("address-not-allowed", yield* runDoctor({ url: supavisor.url(), ...LOGIN }))
    })
  )

  it.effect("shows the operator's reason for a ban of the project", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      yield* supavisor.ban("unpaid")
      assertGolden("banned", yield* runDoctor({ url: supavisor.url(), ...LOGIN }))
    })
  )

  it.effect("reports a missing database after AuthenticationOk", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      const url = changed(supavisor.url(), { pathname: "/nowhere" })
      assertGolden("missing-database", yield* runDoctor({ url, ...LOGIN }))
    })
  )

  it.effect("reports that the database behind the pooler is down", () =>
    Effect.gen(function* () {
      const answer = fatalAnswer("08006", "Failed to connect to database: {:error, :econnrefused}")
      const port = yield* cannedServer(Buffer.concat([authenticationOk, answer]))
      assertGolden("database-down", yield* runDoctor({ url: at(port), ...LOGIN }))
    })
  )

  for (const [what, name, answer] of [
    ["an older pooler's message for a wrong password", "old-scram", fatalAnswer("XX000", "Wrong password")],
    ["an older pooler's message for a stopped worker", "old-handler", fatalAnswer("XX000", "DbHandler exited")],
    [
      "a restart in progress",
      "shutting-down",
      Buffer.concat([authenticationOk, fatalAnswer("57P01", "terminating connection due to administrator command")])
    ],
    [
      "a server without a free connection slot",
      "too-many-clients",
      Buffer.concat([
        authenticationOk,
        fatalAnswer("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute")
      ])
    ],
    ["a connection that is closed without a message", "bare-close", authenticationOk]
  ] as const) {
    it.effect(`explains ${what}`, () =>
      Effect.gen(function* () {
        const port = yield* cannedServer(answer)
        assertGolden(name, yield* runDoctor({ url: at(port), ...LOGIN }))
      })
    )
  }
})

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor with a full pooler", (it) => {
  it.effect("names the pool size and a query for the sessions' owners", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake({ poolSize: 2 })
      yield* hold(supavisor, 2)
      assertGolden("no-session-left", yield* runDoctor({ url: supavisor.url() }))
    }).pipe(Effect.scoped)
  )

  it.effect("lists the other clients when only one session is free", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake({ poolSize: 3 })
      yield* hold(supavisor, 2)
      const report = yield* runDoctor({ url: supavisor.url(), only: ["capacity"] })
      const holders = report.results.find(({ component }) => component === "Holders")
      assert.include(holders?.details, "holder-2")
      assertGolden("one-session-left", report)
    }).pipe(Effect.scoped)
  )

  it.effect("counts the sessions with probeCapacity and closes them", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake({ poolSize: 4 })
      const options = { only: ["capacity"], probeCapacity: true } as const
      assertGolden(
        "pool-larger-than-granted",
        yield* runDoctor({ url: supavisor.url(), env: { DB_POOL_MAX: "6" }, ...options })
      )
      yield* supavisor.awaitClients(0)
      const exact = yield* runDoctor({ url: supavisor.url(), env: { DB_POOL_MAX: "4" }, ...options })
      assert.strictEqual(statusOf(exact, "capacity"), "warn")
      const smaller = yield* runDoctor({ url: supavisor.url(), env: { DB_POOL_MAX: "3" }, ...options })
      assert.strictEqual(statusOf(smaller, "capacity"), "pass")
    })
  )

  it.effect("reports a timeout when the pooler queues logins", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake({ poolSize: 1, queue: "wait" })
      yield* hold(supavisor, 1)
      assertGolden("queued-login", yield* runDoctor({ url: supavisor.url(), timeout: "700 millis", ...LOGIN }))
    }).pipe(Effect.scoped)
  )

  it.effect("detects a late cancel that cancels the next statement", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake({ lateCancel: true })
      // A cancel that arrives before the next statement has no effect: then the run is repeated.
      const report = yield* Effect.repeat(runDoctor({ url: supavisor.url(), only: ["cancel"] }), {
        until: ({ results }) => results.some(({ details }) => details.includes("came late")),
        times: MOST_CANCELS
      })
      assertGolden("late-cancel", report)
    })
  )

  it.effect("never shows the password, raw or encoded", () =>
    Effect.gen(function* () {
      const supavisor = yield* startFake(QUICK)
      yield* Effect.orDie(supavisor.setPassword("postgres", Redacted.make("s3cr3t-CANARY/@ %")))
      const text = JSON.stringify(yield* runDoctor({ url: supavisor.url() }))
      assert.notInclude(text, "CANARY")
      assert.notInclude(text, REFERENCE)
    })
  )
})
