import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import { inspect } from "node:util"
import { fromInput, fromRecord, type Settings, variables } from "../../../../src/services/config/SessionConfig.ts"
import { given, problemsOf, read, ref, refused, shown } from "./Fixture.ts"

describe("the message", () => {
  it("lists every problem at once with the variable, the received and the expected value and an example, and exits with 2", () => {
    const error = refused(
      fromRecord({
        DB_CONNECTION_TYPE: "direct",
        DB_POOL_MIN: "two",
        DB_POOL_IDLE_TIMEOUT: "300000",
        DB_APPLICATION_NAME: "ä",
        HTTP_PORT: "99999"
      })
    )
    for (const part of [
      "5 problems",
      "SUPABASE_SESSION_POOLER  ",
      "pooler.supabase.com:5432/postgres",
      'DB_POOL_MIN = "two"',
      "expected an integer 0–1000. Looks like 2",
      'DB_POOL_IDLE_TIMEOUT = "300000"',
      "looks like milliseconds",
      "Write 5m or 300000ms",
      'DB_APPLICATION_NAME = "ä"',
      'HTTP_PORT = "99999"'
    ])
      assert.include(error.message, part)
    assert.strictEqual(error.message.split("\n").filter((line) => line.includes("✗")).length, 5)
    assert.include(inspect(error), "ConfigurationInvalid")
    assert.strictEqual(error[Runtime.errorExitCode], 2)
  })

  it("names fields when the settings come from code", () => {
    const problems = problemsOf(
      fromInput({
        connectionType: "direct",
        pool: { min: -1, idleTimeout: Number.NaN, acquireTimeout: 0 },
        sessionSettings: { "bad name": "x", statement_timeout: "1s" }
      })
    )
    assert.deepStrictEqual(
      problems.map(({ name }) => name),
      [
        "url",
        "pool.min",
        "pool.idleTimeout",
        "pool.acquireTimeout",
        "sessionSettings.bad name",
        "sessionSettings.statement_timeout"
      ]
    )
    assert.include(problems.at(-1)?.expected, "statementTimeout")
  })
})

describe("a secret", () => {
  const canary = "s3cr3t-CANARY/@:%#?"
  const encoded = encodeURIComponent(canary)
  const pooler = "aws-0-eu-central-1.pooler.supabase.com"
  const spellings = [
    `postgres://postgres.${ref}:${encoded}@${pooler}:5432/postgres`,
    `postgres://postgres.${ref}:${encoded}@${pooler}:6543/postgres`,
    `postgres://postgres.${ref}:${canary}@${pooler}:5432/postgres`,
    `postgres://postgres:${encoded}@${pooler}:99999/postgres`,
    `postgres://postgres:${canary}@db.${ref}.supabase.co:5432/postgres?sslmode=nonsense`,
    `postgres://postgres:${canary}`,
    `postgres://postgres:${encoded}@`,
    `https://postgres:${encoded}@${pooler}`,
    `postgres:${encoded}@${pooler}/postgres`,
    `postgres://app:${encoded}@h1,h2/postgres`,
    `postgres://app@localhost/postgres?password=${encoded}`,
    `host=localhost password=${canary}`
  ]
  const assertHidden = (text: string) => {
    for (const form of ["s3cr3t-CANARY", encoded, encoded.toLowerCase()]) assert.notInclude(text, form)
  }

  it("never appears in settings or errors, for every source of the connection string and every mistake in it", () => {
    for (const url of spellings) {
      for (const env of [{ SUPABASE_SESSION_POOLER: url }, { DATABASE_URL: url, SUPABASE_DB_URL: spellings[0] }]) {
        assertHidden(shown(Result.merge(fromRecord(env))))
        assertHidden(shown(Result.merge(fromRecord({ ...env, DB_POOL_MIN: "bad" }))))
      }
      assertHidden(shown(Result.merge(fromInput({ url }))))
      assertHidden(shown(Result.merge(fromInput({ url: Redacted.make(url), applicationName: "ä" }))))
    }
    assertHidden(shown(given({ host: pooler, username: `postgres.${ref}`, password: canary })))
  })

  it("never appears when it, or the whole connection string, was set to the wrong variable", () => {
    for (const { name } of variables.slice(4)) {
      for (const value of [spellings[0], canary, encoded, `${canary}\u0000`]) {
        const result = fromRecord({ SUPABASE_SESSION_POOLER: spellings[0], [name]: value })
        if (Result.isFailure(result)) assertHidden(shown(result.failure))
        else assertHidden(JSON.stringify([result.success.notes, result.success.warnings]))
      }
    }
  })

  it("is not echoed from a wrong variable when no connection string reveals what it is", () => {
    assertHidden(shown(refused(fromRecord({ DB_POOL_MIN: spellings[0] }))))
    assertHidden(shown(refused(fromRecord({ DB_POOL_MIN: `password=${encoded}` }))))
    assertHidden(shown(refused(fromRecord({ DB_POOL_MIN: `postgres:${encoded}@${pooler}` }))))
  })

  it("is recognised in other values by the connection string, also as a part and when it is short", () => {
    const withPassword = (password: string) => `postgres://app:${password}@localhost/postgres`
    const received = (password: string, value: string) =>
      problemsOf(fromRecord({ DATABASE_URL: withPassword(password), DB_POOL_MIN: value }))[0]?.received
    assert.strictEqual(received("plain-s3cret", "plain-s3cret"), "<redacted>")
    assert.strictEqual(received("plain-s3cret", "x plain-s3cret x"), "<redacted>")
    assert.strictEqual(received("abc", "abc"), "<redacted>")
    assert.strictEqual(received("abc", "two"), "two")
  })

  it("stays usable in the connection", () => {
    const password = (settings: Settings) =>
      settings.connection?.password && Redacted.value(settings.connection.password)
    assert.strictEqual(password(read({ SUPABASE_SESSION_POOLER: spellings[0] })), canary)
    assert.strictEqual(password(given({ host: pooler, username: `postgres.${ref}`, password: canary })), canary)
  })
})
