import { assert, describe, it } from "@effect/vitest"
import { fromRecord } from "../../../../src/services/config/SessionConfig.ts"
import {
  directUrl,
  given,
  includesSome,
  loopbackUrl,
  messageOf,
  problemNames,
  problemsOf,
  read,
  sessionUrl,
  transactionUrl
} from "./Fixture.ts"

describe("the connection string", () => {
  it("comes from SUPABASE_SESSION_POOLER first and then from the fallbacks, and the used variable is named", () => {
    const names = ["SUPABASE_SESSION_POOLER", "DATABASE_URL", "POSTGRES_URL_NON_POOLING", "SUPABASE_DB_URL"]
    names.forEach((name, index) => {
      const env = Object.fromEntries(names.slice(index).map((later) => [later, sessionUrl]))
      const settings = read(env)
      assert.strictEqual(settings.source, name)
      assert.strictEqual(settings.connection?.kind, "session-pooler")
      assert.strictEqual(settings.connectionType, "supavisor_session")
      assert.strictEqual(
        settings.notes.some((note) => note.startsWith(`${name} is used`)),
        index > 0
      )
    })
  })

  it("is warned about when two variables point to different places", () => {
    const { source, warnings } = read({ SUPABASE_SESSION_POOLER: sessionUrl, DATABASE_URL: transactionUrl })
    assert.strictEqual(source, "SUPABASE_SESSION_POOLER")
    includesSome(warnings, "DATABASE_URL is set too and points elsewhere")
    includesSome(warnings, ":6543")
  })

  it("is warned about when two variables differ in the password only, without showing it", () => {
    const { warnings } = read({
      SUPABASE_SESSION_POOLER: sessionUrl,
      DATABASE_URL: sessionUrl.replace("pw-", "other-")
    })
    includesSome(warnings, "another password")
    assert.notInclude(warnings.join(), "other-12345")
  })

  it("is not warned about when two variables mean the same place in different spellings", () => {
    const spelled = ` "${sessionUrl.replace("postgres://", "postgresql://")}" `
    assert.deepStrictEqual(read({ SUPABASE_SESSION_POOLER: sessionUrl, DATABASE_URL: spelled }).warnings, [])
  })

  it("does not fail because of an unused one that cannot be read", () => {
    const { warnings } = read({ SUPABASE_SESSION_POOLER: sessionUrl, DATABASE_URL: "https://supabase.com/dashboard" })
    includesSome(warnings, "DATABASE_URL is set too and cannot be read")
  })

  it("is refused with every problem of its own when it cannot be read", () => {
    const problems = problemsOf(
      fromRecord({ SUPABASE_SESSION_POOLER: sessionUrl.replace("pw-12345", "[YOUR-PASSWORD]") })
    )
    assert.deepStrictEqual(
      problems.map(({ name }) => name),
      ["SUPABASE_SESSION_POOLER"]
    )
    assert.strictEqual(problems[0]?.received, "<redacted>")
  })
})

describe("the connection type", () => {
  it("is direct for a fallback that names the database itself, another host or this machine, with a note", () => {
    for (const url of [directUrl, loopbackUrl, "postgres://app:pw-12345@db.example.com/shop"]) {
      const settings = read({ DATABASE_URL: url })
      assert.strictEqual(settings.connectionType, "direct", url)
      includesSome(settings.notes, "DB_CONNECTION_TYPE is taken as direct")
    }
  })

  it("is a self-hosted session pooler when the user name has a project", () => {
    const settings = read({ DATABASE_URL: "postgres://postgres.tenant:pw-12345@127.0.0.1:5432/postgres" })
    assert.strictEqual(settings.connectionType, "supavisor_session")
    includesSome(settings.notes, "self-hosted")
  })

  it("stays supavisor_session for the variable that is named after it", () => {
    assert.strictEqual(read({ SUPABASE_SESSION_POOLER: loopbackUrl }).connectionType, "supavisor_session")
    assert.deepStrictEqual(problemNames({ SUPABASE_SESSION_POOLER: directUrl }), ["SUPABASE_SESSION_POOLER"])
  })

  it("refuses port 6543 under supavisor_session, given or assumed, with the reason and the place", () => {
    for (const env of [
      { SUPABASE_SESSION_POOLER: transactionUrl },
      { DATABASE_URL: transactionUrl },
      { DATABASE_URL: transactionUrl, DB_CONNECTION_TYPE: "supavisor_session" }
    ]) {
      const message = messageOf(env)
      assert.include(message, "Port 6543")
      assert.include(message, "transaction mode")
      assert.include(message, "pooler.supabase.com:6543")
    }
  })

  it("switches off under supavisor_transaction what the mode cannot keep, with a warning", () => {
    const env = { DATABASE_URL: transactionUrl, DB_CONNECTION_TYPE: "supavisor_transaction", DB_SEARCH_PATH: "app" }
    const settings = read(env)
    assert.isFalse(settings.prepare)
    assert.isUndefined(settings.searchPath)
    includesSome(settings.notes, "LISTEN")
    includesSome(settings.warnings, "DB_SEARCH_PATH is ignored")
    const fromCode = given({
      url: transactionUrl,
      connectionType: "supavisor_transaction",
      sessionSettings: { work_mem: "8MB" }
    })
    assert.deepStrictEqual(fromCode.sessionSettings, {})
    includesSome(fromCode.warnings, "work_mem")
  })

  it("is an error without a connection string, except embedded", () => {
    for (const type of ["supavisor_session", "supavisor_transaction", "direct"]) {
      const [problem, ...more] = problemsOf(fromRecord({ DB_CONNECTION_TYPE: type }))
      assert.strictEqual(more.length, 0)
      assert.strictEqual(problem?.name, "SUPABASE_SESSION_POOLER")
      assert.isUndefined(problem?.received)
      assert.include(problem?.expected, type)
    }
    assert.strictEqual(read({ DB_CONNECTION_TYPE: "embedded" }).connectionType, "embedded")
  })

  it("ignores a connection string under embedded, even a broken one, with a warning", () => {
    const settings = read({ DB_CONNECTION_TYPE: "embedded", DATABASE_URL: "https://nonsense", DB_SSL_MODE: "require" })
    assert.isUndefined(settings.connection)
    assert.strictEqual(settings.ssl.mode, "disable")
    includesSome(settings.warnings, "DATABASE_URL is set and ignored")
    includesSome(settings.warnings, "DB_SSL_MODE require is ignored")
  })

  it("is not checked further when it cannot be read", () => {
    const env = { DB_CONNECTION_TYPE: "transaction", DATABASE_URL: transactionUrl }
    assert.deepStrictEqual(problemNames(env), ["DB_CONNECTION_TYPE"])
  })
})
