import { assert, layer } from "@effect/vitest"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { FakeSupavisor } from "../../../src/services/embedded/FakeSupavisor.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { fatalAnswer } from "../../reliability/FatalAnswer.ts"
import { cannedServer, authenticationOk } from "../../services/doctor/checks/CannedServer.ts"
import { changed, stand } from "../../services/embedded/fake-supavisor/Stand.ts"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden, statusOf } from "./Golden.ts"

/** Answers that a pooler holds back for half a second come at once. */
const QUICK = { timeScale: 0.02 }

/** Ten failed logins in 150 s block the address (Supavisor 2.9 source, circuit_breaker.ex). */
const FAILURES_TO_BLOCK = 10

/** PostgreSQL hears most cancels in time; so many in a row do not get lost. */
const MOST_CANCELS = 4

const REFERENCE = "abcdefghijklmnopqrst"

const LOGIN = { only: ["login"] } as const

/** Somebody else's sessions, held until the scope closes. */
const hold = (supavisor: FakeSupavisor["Service"], count: number) =>
  Effect.gen(function* () {
    for (let held = 0; held < count; held++) {
      yield* PgConnection.make({ url: supavisor.url(), applicationName: `holder-${held + 1}` })
    }
    yield* supavisor.awaitClients(count)
  })

const at = (port: number, user = `postgres.${REFERENCE}`) =>
  `postgresql://${user}:s3cr3t-CANARY%2F@127.0.0.1:${port}/postgres`

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor at a pooler that refuses", (it) => {
  it.effect("tells an unknown project from an unknown host, and advises against a new password", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      const url = changed(supavisor.url(), { username: "postgres.zyxwvutsrqponmlkjihg" })
      const report = yield* runDoctor({ url })
      assert.notInclude(JSON.stringify(report), "zyxwvutsrqponmlkjihg")
      assertGolden("unknown-tenant", report)
    })
  )

  it.effect("understands what an older pooler says about an unknown project", () =>
    Effect.gen(function* () {
      const port = yield* cannedServer(fatalAnswer("XX000", "Tenant or user not found"))
      assertGolden("unknown-tenant-old", yield* runDoctor({ url: at(port), ...LOGIN }))
    })
  )

  it.effect("says that the user name lacks the project reference", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      const url = changed(supavisor.url(), { username: "postgres" })
      const env = { DB_CONNECTION_TYPE: "supavisor_session" }
      assertGolden("no-reference", yield* runDoctor({ url, env, ...LOGIN }))
    })
  )

  it.effect("explains a wrong password once and does not try it again", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      const url = changed(supavisor.url(), { password: "s3cr3t-CANARY%2F%40" })
      assertGolden("wrong-password", yield* runDoctor({ url }))
      assert.strictEqual(supavisor.counters().refusalsByCode.get("28P01"), 1)
    })
  )

  it.effect("says to stop and wait when the pooler blocks logins after wrong passwords", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      const wrong = changed(supavisor.url(), { password: "s3cr3t-CANARY" })
      for (let failures = 0; failures < FAILURES_TO_BLOCK; failures++) yield* runDoctor({ url: wrong, ...LOGIN })
      assertGolden("circuit-breaker", yield* runDoctor({ url: supavisor.url(), ...LOGIN }))
    })
  )

  it.effect("tells that the pooler knows no such role", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      const url = changed(supavisor.url(), { username: `agent.${REFERENCE}` })
      assertGolden("unknown-role", yield* runDoctor({ url, ...LOGIN }))
    })
  )

  it.effect("names the address that the network restrictions keep out", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      yield* Effect.orDie(supavisor.allowList(["10.0.0.0/8"]))
      assertGolden("address-not-allowed", yield* runDoctor({ url: supavisor.url(), ...LOGIN }))
    })
  )

  it.effect("passes on why the operator banned the project", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      yield* supavisor.ban("unpaid")
      assertGolden("banned", yield* runDoctor({ url: supavisor.url(), ...LOGIN }))
    })
  )

  it.effect("says that a missing database was found out only after the password was accepted", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      const url = changed(supavisor.url(), { pathname: "/nowhere" })
      assertGolden("missing-database", yield* runDoctor({ url, ...LOGIN }))
    })
  )

  it.effect("says that the database behind the pooler is down", () =>
    Effect.gen(function* () {
      const answer = fatalAnswer("08006", "Failed to connect to database: {:error, :econnrefused}")
      const port = yield* cannedServer(Buffer.concat([authenticationOk, answer]))
      assertGolden("database-down", yield* runDoctor({ url: at(port), ...LOGIN }))
    })
  )

  for (const [what, name, answer] of [
    [
      "a password exchange that an older pooler ends in its own words",
      "old-scram",
      fatalAnswer("XX000", "Wrong password")
    ],
    ["a worker that died, in the words of older poolers", "old-handler", fatalAnswer("XX000", "DbHandler exited")],
    [
      "a restart that is going on",
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
    ["a connection that is closed without a word", "bare-close", authenticationOk]
  ] as const) {
    it.effect(`explains ${what}`, () =>
      Effect.gen(function* () {
        const port = yield* cannedServer(answer)
        assertGolden(name, yield* runDoctor({ url: at(port), ...LOGIN }))
      })
    )
  }
})

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor at a pooler that is full", (it) => {
  it.effect("names the pool size and how to see who holds the sessions", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand({ poolSize: 2 })
      yield* hold(supavisor, 2)
      assertGolden("no-session-left", yield* runDoctor({ url: supavisor.url() }))
    }).pipe(Effect.scoped)
  )

  it.effect("that grants one session but no second says who holds the others", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand({ poolSize: 3 })
      yield* hold(supavisor, 2)
      const report = yield* runDoctor({ url: supavisor.url(), only: ["capacity"] })
      const holders = report.results.find(({ component }) => component === "Holders")
      assert.include(holders?.details, "holder-2")
      assertGolden("one-session-left", report)
    }).pipe(Effect.scoped)
  )

  it.effect("counts the sessions when it is told to, and gives them back", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand({ poolSize: 4 })
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

  it.effect("that lets logins wait says after the timeout that it does not answer", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand({ poolSize: 1, queue: "wait" })
      yield* hold(supavisor, 1)
      assertGolden("queued-login", yield* runDoctor({ url: supavisor.url(), timeout: "700 millis", ...LOGIN }))
    }).pipe(Effect.scoped)
  )

  it.effect("finds out a cancel that comes late and ends the next statement", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand({ lateCancel: true })
      // A cancel that overtakes even the next statement meets nothing: then it is tried again.
      const report = yield* Effect.repeat(runDoctor({ url: supavisor.url(), only: ["cancel"] }), {
        until: ({ results }) => results.some(({ details }) => details.includes("came late")),
        times: MOST_CANCELS
      })
      assertGolden("late-cancel", report)
    })
  )

  it.effect("never shows the password, however it is written", () =>
    Effect.gen(function* () {
      const supavisor = yield* stand(QUICK)
      yield* Effect.orDie(supavisor.setPassword("postgres", Redacted.make("s3cr3t-CANARY/@ %")))
      const text = JSON.stringify(yield* runDoctor({ url: supavisor.url() }))
      assert.notInclude(text, "CANARY")
      assert.notInclude(text, REFERENCE)
    })
  )
})
