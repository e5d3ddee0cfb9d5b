import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { fromInput, fromRecord, variables } from "../../../../src/services/config/SessionConfig.ts"
import { type Env, loopbackUrl, problemNames, problemsOf, read, sessionUrl } from "./Fixture.ts"

describe("the values", () => {
  it("are unset when empty, blank or only quotes", () => {
    for (const nothing of ["", "  ", "\t\n", '""', "''", '" "']) {
      assert.deepStrictEqual(read(Object.fromEntries(variables.map(({ name }) => [name, nothing]))), read({}))
    }
  })

  it("are read without the blanks and quotes of copy and paste", () => {
    const settings = read({ DB_POOL_MAX: ' "9" ', DB_POOL_IDLE_TIMEOUT: "'5 minutes'", DB_STARTUP: " LAZY" })
    assert.strictEqual(settings.pool.max, 9)
    assert.strictEqual(Duration.toSeconds(settings.pool.idleTimeout), 300)
    assert.strictEqual(settings.startup, "lazy")
  })

  it("are the documented example for each variable", () => {
    const certificate = { DB_SSL_CERT: "./client.crt", DB_SSL_KEY: "./client.key" }
    for (const { example, name } of variables.slice(5)) {
      const env = { SUPABASE_SESSION_POOLER: sessionUrl, ...certificate, [name]: example }
      assert.isTrue(Result.isSuccess(fromRecord(env)), `${name}=${example}`)
    }
  })

  it("turn off what zero turns off, and are refused where every wait has a bound", () => {
    const settings = read({ DB_LEAK_THRESHOLD: "0", DB_KEEP_ALIVE: "0s", DB_MONITOR_INTERVAL: "0" })
    assert.isUndefined(settings.pool.leakThreshold)
    assert.isUndefined(settings.monitorInterval)
    assert.isUndefined(settings.keepAlive)
    const bounded = variables.filter(({ name }) => /TIMEOUT|LIFETIME|CHECK_INTERVAL/.test(name)).map(({ name }) => name)
    assert.strictEqual(bounded.length, 8)
    for (const name of bounded) {
      for (const value of ["0", "0s", "0.1ms", "Infinity", "-1", "26 days", "30000"]) {
        assert.deepStrictEqual(problemNames({ [name]: value }), [name], `${name}=${value}`)
      }
    }
  })

  it("are refused when they are no integers, out of range or unknown words", () => {
    const bad: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      ["DB_POOL_MIN", ["two", "-1", "1.5", "1e1", "0x1", "1001", "9".repeat(40)]],
      ["DB_POOL_MAX", ["0", "-1", "1001"]],
      ["DB_CONCURRENT_OPERATIONS", ["0", "many"]],
      ["DB_POOL_MAX_WAITING", ["0", "-1", "1000001"]],
      ["HTTP_PORT", ["65536", "http"]],
      ["HTTP_HOST", ["http://localhost", "a b", "user@host"]],
      ["DB_AGENT_SIZE", ["tiny"]],
      ["DB_STARTUP", ["failfast"]],
      ["LOG_FORMAT", ["xml"]],
      ["DB_SSL_MODE", ["no-verify", "true"]],
      ["DB_SSL_SERVER_NAME", ["10.0.0.1", "https://db.example.com", "db.example.com:5432"]],
      ["DB_SSL_ROOT_CERT", ["-----BEGIN CERTIFICATE-----\nMIIB", "-----BEGIN PRIVATE KEY-----"]],
      ["DB_APPLICATION_NAME", ["ä", "a\u0007b", "x".repeat(64), "postgres://u:p@h/d"]],
      ["DB_SEARCH_PATH", ["app\u0000"]],
      ["DB_POOL_NAME", ["x".repeat(129), "postgres://u:p@h/d"]]
    ]
    for (const [name, values] of bad) {
      for (const value of values) assert.deepStrictEqual(problemNames({ [name]: value }), [name], `${name}=${value}`)
    }
  })

  it("take a certificate as text, also with its line breaks written out, or as a path", () => {
    const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    const rootCert = (value: string) => read({ DATABASE_URL: sessionUrl, DB_SSL_ROOT_CERT: value }).ssl.rootCert
    assert.strictEqual(rootCert(pem), pem)
    assert.strictEqual(rootCert(pem.replaceAll("\n", "\\n")), pem)
    assert.strictEqual(rootCert("./certs/new.crt"), "./certs/new.crt")
  })

  it("win over the connection string, which wins over the defaults", () => {
    const query = "?sslmode=verify-full&sslrootcert=/ca.crt&application_name=url&connect_timeout=7&search_path=app"
    const url = { SUPABASE_SESSION_POOLER: sessionUrl + query }
    const plain = read(url)
    assert.deepStrictEqual([plain.ssl.mode, plain.ssl.rootCert], ["verify-full", "/ca.crt"])
    assert.deepStrictEqual([plain.applicationName, plain.searchPath], ["url", "app"])
    assert.strictEqual(Duration.toSeconds(plain.connectTimeout), 7)
    const explicit = read({
      ...url,
      DB_SSL_MODE: "require",
      DB_APPLICATION_NAME: "env",
      DB_CONNECT_TIMEOUT: "8",
      DB_SEARCH_PATH: "other"
    })
    assert.strictEqual(explicit.ssl.mode, "require")
    assert.deepStrictEqual([explicit.applicationName, explicit.searchPath], ["env", "other"])
    assert.strictEqual(Duration.toSeconds(explicit.connectTimeout), 8)
  })

  it("inside a connection string are held to the same rules", () => {
    const url = `${sessionUrl}?application_name=${"x".repeat(64)}`
    assert.deepStrictEqual(problemNames({ DATABASE_URL: url }), ["DATABASE_URL (application_name)"])
    const namesFor = (query: string) =>
      problemsOf(fromInput({ url: `${sessionUrl}?${query}` })).map(({ name, received }) => {
        assert.notInclude(`${name} ${received}`, "code")
        return name
      })
    assert.deepStrictEqual(namesFor(`application_name=${"x".repeat(64)}`), ["url (application_name)"])
    assert.deepStrictEqual(namesFor("options=-c%20statement_timeout%3D0"), ["url (options)"])
    assert.deepStrictEqual(namesFor("options=-c%20idle_in_transaction_session_timeout%3Dsoon"), ["url (options)"])
    assert.deepStrictEqual(namesFor("connect_timeout=10000"), ["url"])
    assert.deepStrictEqual(namesFor("connect_timeout=9000000"), ["url"])
  })

  it("default to TLS for every host but loopback", () => {
    const modeOf = (url: string) => read({ DATABASE_URL: url }).ssl.mode
    assert.strictEqual(modeOf(sessionUrl), "require")
    assert.strictEqual(modeOf("postgres://u:pw-12345@db.example.com/d"), "require")
    assert.strictEqual(modeOf(loopbackUrl), "disable")
    assert.strictEqual(modeOf(`${loopbackUrl}?sslmode=prefer`), "prefer")
  })

  it("size the pool from the agent, the operations or explicit numbers", () => {
    const size = (env: Env) => {
      const { max, min } = read(env).pool
      return [min, max]
    }
    assert.deepStrictEqual(size({ DB_AGENT_SIZE: "medium" }), [5, 15])
    assert.strictEqual(size({ DB_CONCURRENT_OPERATIONS: "10" })[1], 12)
    assert.deepStrictEqual(size({ DB_AGENT_SIZE: "large", DB_POOL_MIN: "1", DB_POOL_MAX: "3" }), [1, 3])
    assert.isNotEmpty(read({}).pool.reasoning)
  })

  it("name the pool after host, port and database unless it has a name", () => {
    assert.strictEqual(read({ DATABASE_URL: loopbackUrl }).poolName, "127.0.0.1:5433/shop")
    assert.strictEqual(read({ DATABASE_URL: "postgres://u:pw-12345@[::1]:5433/d" }).poolName, "[::1]:5433/d")
    assert.strictEqual(read({ DATABASE_URL: loopbackUrl, DB_POOL_NAME: "shop" }).poolName, "shop")
  })
})
