import { assert, layer } from "@effect/vitest"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { until } from "../../PoolHarness.ts"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden, statusOf } from "./Golden.ts"

/** Half a minute more than an hour, so that the report has the same minute on a slow machine. */
const AHEAD_MILLIS = 3_630_000

/** A role for one test, dropped when the scope closes. */
const role = (name: string, options = "") =>
  Effect.gen(function* () {
    const { admin, url } = yield* TestPostgres
    const drop = `drop role if exists ${name}`
    yield* Effect.acquireRelease(
      Effect.orDie(admin(`create role ${name} login password 's3cr3t-CANARY' ${options}`)),
      () => Effect.ignore(admin(drop))
    )
    const own = new URL(Redacted.value(url))
    own.username = name
    own.password = "s3cr3t-CANARY"
    return own.href
  })

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor in the database", (it) => {
  it.effect("reports that the role's connection limit is reached", () =>
    Effect.gen(function* () {
      const url = yield* role("narrow", "connection limit 0")
      assertGolden("role-limit-reached", yield* runDoctor({ url, only: ["login"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports a pool larger than the role's connection limit", () =>
    Effect.gen(function* () {
      const url = yield* role("limited", "connection limit 4")
      assertGolden("role-limit-below-max", yield* runDoctor({ url, only: ["capacity"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports an idle transaction and its application", () =>
    Effect.gen(function* () {
      const { admin, url } = yield* TestPostgres
      const forgotten = yield* PgConnection.make({ url, applicationName: "forgetful-agent" })
      yield* forgotten.query("begin")
      const resting =
        "select 1 from pg_stat_activity where state = 'idle in transaction' and application_name like 'forget%'"
      yield* until(
        "the transaction rests",
        Effect.map(Effect.orDie(admin(resting)), (rows) => rows.length === 1)
      )
      const env = { DB_IDLE_IN_TRANSACTION_TIMEOUT: "1ms" }
      const report = yield* runDoctor({ url, env, only: ["capacity"] })
      const found = report.results.find(({ component }) => component === "Idle in tx")
      assert.include(found?.details, "forgetful-agent")
      assertGolden("forgotten-transaction", report)
    }).pipe(Effect.scoped)
  )

  it.effect("shows the role's own statement_timeout", () =>
    Effect.gen(function* () {
      const { admin } = yield* TestPostgres
      const url = yield* role("hasty")
      yield* admin("alter role hasty set statement_timeout = '2min'")
      assertGolden("role-statement-timeout", yield* runDoctor({ url, only: ["settings"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports a setting that the server refuses", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const broken = `${Redacted.value(url)}?options=-c%20work_mem%3Dplenty`
      const report = yield* runDoctor({ url: broken, only: ["settings"] })
      assert.strictEqual(statusOf(report, "settings"), "fail")
      assertGolden("setting-refused", report)
    })
  )

  it.effect("reports a read-only database", () =>
    Effect.gen(function* () {
      const { admin } = yield* TestPostgres
      const url = yield* role("reader")
      yield* admin("alter role reader set default_transaction_read_only = on")
      assertGolden("read-only", yield* runDoctor({ url, only: ["session", "server"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports a clock that is an hour ahead, and an unsupported version", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const real = yield* Clock.Clock
      const ahead = new Proxy(real, {
        get: (clock, name) =>
          name === "currentTimeMillisUnsafe"
            ? () => clock.currentTimeMillisUnsafe() + AHEAD_MILLIS
            : Reflect.get(clock, name)
      })
      const report = yield* Effect.provideService(runDoctor({ url, only: ["clock"] }), Clock.Clock, ahead)
      assertGolden("clock-ahead", report)
    })
  )

  it.effect("reports a missing password", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const without = new URL(Redacted.value(url))
      without.password = ""
      assertGolden("password-missing", yield* runDoctor({ url: without.href, only: ["login"] }))
    })
  )

  it.effect("reports a wrong password that PostgreSQL itself refused", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      const wrong = new URL(Redacted.value(url))
      wrong.password = "s3cr3t-CANARY"
      assertGolden("wrong-password-direct", yield* runDoctor({ url: wrong.href, only: ["login"] }))
    })
  )
})
