import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden } from "./Golden.ts"

const REFERENCE = "abcdefghijklmnopqrst"

const url = (parts: { readonly user?: string; readonly password?: string; readonly at?: string }) =>
  `postgresql://${parts.user ?? `postgres.${REFERENCE}`}:${parts.password ?? "s3cr3t-CANARY"}@` +
  (parts.at ?? "aws-0-eu-central-1.pooler.supabase.com:5432/postgres")

const only = ["endpoint"] as const

describe("the doctor and the configuration", () => {
  it.live("refuses the transaction port for sessions before it connects, and names the session port", () =>
    Effect.gen(function* () {
      const report = yield* runDoctor({ url: url({ at: "aws-0-eu-central-1.pooler.supabase.com:6543/postgres" }) })
      assert.strictEqual(report.verdict.status, "invalid")
      assert.notInclude(JSON.stringify(report), REFERENCE)
      assertGolden("config-transaction-port", report)
    })
  )

  it.live("reports the dashboard's placeholder in place of the password", () =>
    Effect.gen(function* () {
      assertGolden("config-placeholder", yield* runDoctor({ url: url({ password: "[YOUR-PASSWORD]" }) }))
    })
  )

  it.live("reports a user name without the project reference", () =>
    Effect.gen(function* () {
      assertGolden("config-no-reference", yield* runDoctor({ url: url({ user: "postgres" }) }))
    })
  )

  it.live("warns of characters of the password that should be encoded, and continues", () =>
    Effect.gen(function* () {
      const report = yield* runDoctor({ url: url({ password: "s3cr3t#CANARY@x" }), only })
      assert.notInclude(JSON.stringify(report), "CANARY")
      assertGolden("config-unencoded-password", report)
    })
  )

  it.live("warns of settings in the connection string that the pooler drops silently", () =>
    Effect.gen(function* () {
      const at = "aws-0-eu-central-1.pooler.supabase.com:5432/postgres?options=-c%20statement_timeout%3D5s"
      assertGolden("config-dropped-options", yield* runDoctor({ url: url({ at }), only }))
    })
  )

  it.live("describes the direct host and its IPv6 address", () =>
    Effect.gen(function* () {
      const at = `db.${REFERENCE}.supabase.co:5432/postgres`
      const report = yield* runDoctor({ url: url({ user: "postgres", at }), only })
      assert.notInclude(JSON.stringify(report), REFERENCE)
      assertGolden("config-direct-host", report)
    })
  )

  it.live("lists all problems of the connection string and of the other settings at once", () =>
    Effect.gen(function* () {
      const env = { DB_POOL_MAX: "many", DB_CONNECT_TIMEOUT: "10000" }
      assertGolden("config-many-problems", yield* runDoctor({ url: "https://supabase.com/dashboard", env }))
    })
  )

  it.live("warns of a pool that is larger than the pooler's default", () =>
    Effect.gen(function* () {
      assertGolden("config-large-pool", yield* runDoctor({ url: url({}), env: { DB_POOL_MAX: "30" }, only }))
    })
  )

  it.live("names the missing setting when no database is configured", () =>
    Effect.gen(function* () {
      assertGolden("config-nothing", yield* runDoctor({}))
    })
  )

  it.live("reports a missing certificate authority file", () =>
    Effect.gen(function* () {
      const env = { DB_SSL_ROOT_CERT: "/nowhere/ca.crt", DB_SSL_MODE: "verify-full" }
      const report = yield* runDoctor({ url: url({}), env })
      assert.strictEqual(report.verdict.status, "invalid")
      assertGolden("config-missing-certificate", report)
    })
  )

  it.live("uses the environment's settings without a connection string", () =>
    Effect.gen(function* () {
      const report = yield* runDoctor({ env: { SUPABASE_SESSION_POOLER: url({}) }, only: ["config"] })
      assert.strictEqual(report.results[0]?.target, "SUPABASE_SESSION_POOLER")
    })
  )

  it.live("uses the given connection string instead of the environment's", () =>
    Effect.gen(function* () {
      const env = { SUPABASE_SESSION_POOLER: "nonsense", DB_CONNECTION_TYPE: "embedded" }
      const report = yield* runDoctor({ url: url({}), env, only: ["config"] })
      assert.deepStrictEqual(
        report.results.map(({ target }) => target),
        ["connection-string"]
      )
    })
  )
})
