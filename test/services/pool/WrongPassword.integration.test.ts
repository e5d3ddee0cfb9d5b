import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Path from "node:path"
import type { Startup } from "../../../src/services/config/settings/Settings.ts"
import type { SessionError } from "../../../src/services/errors/SessionError.ts"
import { SessionError as SessionErrors } from "../../../src/services/errors/SessionError.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { start } from "../../cli/RunningProgram.ts"
import { poolAt } from "../../PoolHarness.ts"
import { changed, startFake } from "../embedded/fake-supavisor/StartFake.ts"

const mainFile = Path.resolve(import.meta.dirname, "../../../src/main.ts")

/** A pooler with its true delay of 500 ms, and its URL with a wrong password. */
const withWrongPassword = Effect.map(startFake(), (fake) => ({
  failures: () => fake.counters().authFailures,
  url: changed(fake.url(), { password: "wrong" })
}))

const failedStart = (url: Redacted.Redacted<string>, startup: Startup, min = 5) =>
  Effect.map(Effect.flip(poolAt({ url, startup, pool: { min, max: 5 } })), (error) => error as SessionError)

layer(TestPostgres.layer, { excludeTestServices: true })("a wrong password", (it) => {
  for (const startup of ["tolerant", "fail-fast"] as const) {
    it.effect(`costs a layer one of the pooler's ten failures: ${startup}`, () =>
      Effect.gen(function* () {
        const { failures, url } = yield* withWrongPassword
        const error = yield* failedStart(url, startup)
        assert.strictEqual(error.class, "auth")
        assert.strictEqual(failures(), 1)
      })
    )
  }

  for (const command of ["serve", "doctor"]) {
    it.effect(`costs the program one of the pooler's ten failures: ${command}`, () =>
      Effect.gen(function* () {
        const { failures, url } = yield* withWrongPassword
        const env = { SUPABASE_SESSION_POOLER: Redacted.value(url), HTTP_PORT: "0" }
        const program = yield* start({ command: [process.execPath, mainFile, command], env })
        assert.strictEqual((yield* program.ended).outcome, 1, program.output())
        assert.strictEqual(failures(), 1, program.output())
      })
    )
  }

  it.effect("that was refused three times fails the next layer at once, with the reason and the next attempt", () =>
    Effect.gen(function* () {
      const { failures, url } = yield* withWrongPassword
      for (let i = 0; i < 3; i++) yield* failedStart(url, "tolerant")
      assert.strictEqual(failures(), 3)
      for (const startup of ["tolerant", "fail-fast"] as const) {
        const error = yield* failedStart(url, startup, 0)
        assert.strictEqual(error.class, "auth")
        assert.match(error.message, /password.*Three logins were refused, so the next one is tried at \d{4}-.*Z$/)
      }
      const { sql } = yield* poolAt({ url, startup: "lazy" })
      const error = SessionErrors.fromSqlError(yield* Effect.flip(sql`select 1`))
      assert.match(error?.message ?? "", /the next one is tried at/)
      assert.strictEqual(failures(), 3)
    })
  )
})
