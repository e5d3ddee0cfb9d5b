import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { inspect } from "node:util"
import * as fc from "fast-check"
import * as ConnectionString from "../../../src/services/config/ConnectionString.ts"
import { codes, made, passwordOf, POOLER, read, REF, reveal, SESSION_URL } from "./connection-string/Samples.ts"

/** Everything the module can print about a connection. */
const printed = (connection: ConnectionString.ConnectionString): string =>
  [
    ConnectionString.format(connection),
    ConnectionString.describe(connection),
    JSON.stringify(connection),
    inspect(connection, { depth: Infinity, showHidden: true }),
    String(connection),
    `${connection.password}`,
    JSON.stringify(ConnectionString.checkMode(connection, "supavisor_session")),
    JSON.stringify(ConnectionString.checkMode(connection, "direct"))
  ].join("\n")

describe("ConnectionString.parse", () => {
  it("reads the session pooler's string", () => {
    const connection = read(SESSION_URL)
    assert.deepStrictEqual(reveal(connection), {
      host: POOLER,
      port: 5432,
      database: "postgres",
      username: `postgres.${REF}`,
      role: "postgres",
      projectRef: REF,
      password: "s3cr3t-CANARY",
      kind: "session-pooler",
      sslMode: undefined,
      sslRootCert: undefined,
      sslCert: undefined,
      sslKey: undefined,
      sslPassword: undefined,
      applicationName: undefined,
      connectTimeoutSeconds: undefined,
      searchPath: undefined,
      options: undefined,
      notes: []
    })
  })

  it("accepts a redacted text", () => {
    const result = ConnectionString.parse(Redacted.make(SESSION_URL))
    assert.strictEqual(passwordOf(Result.getOrThrow(result)), "s3cr3t-CANARY")
  })

  it("finds the kind of server at an address", () => {
    const kinds = [
      [`postgres.${REF}:longpass@${POOLER}:5432`, "session-pooler"],
      [`postgres.${REF}:longpass@${POOLER}`, "session-pooler"],
      [`postgres.${REF}:longpass@${POOLER.toUpperCase()}:6543`, "transaction-pooler"],
      [`postgres:longpass@db.${REF}.supabase.co:5432`, "direct"],
      [`postgres:longpass@db.${REF}.supabase.co:6543`, "dedicated-pooler"],
      ["postgres:longpass@localhost:6543", "loopback"],
      ["postgres:longpass@127.0.0.53", "loopback"],
      ["postgres:longpass@[::1]", "loopback"],
      ["postgres:longpass@[::ffff:127.0.0.1]", "loopback"],
      ["postgres:longpass@db.example.com", "unknown"],
      [`postgres:longpass@${POOLER}.example.com`, "unknown"],
      [`postgres:longpass@evil-db.${REF}.supabase.co.example.com`, "unknown"]
    ] as const
    for (const [text, kind] of kinds) assert.strictEqual(read(`postgres://${text}/postgres`).kind, kind, text)
  })

  it("splits the user at its last dot, unless the host or the options name the project", () => {
    const identity = (text: string) => {
      const { projectRef, role, username } = read(`postgres://${text}`)
      return [username, role, projectRef]
    }
    assert.deepStrictEqual(identity(`my.role.${REF}:longpass@${POOLER}`), [`my.role.${REF}`, "my.role", REF])
    assert.deepStrictEqual(identity(`a.role:longpass@db.${REF}.supabase.co`), ["a.role", "a.role", REF])
    assert.deepStrictEqual(identity("postgres.tenant:longpass@localhost"), ["postgres.tenant", "postgres", "tenant"])
    assert.deepStrictEqual(identity("app:longpass@localhost"), ["app", "app", undefined])
    assert.deepStrictEqual(identity(`app.cluster.alias:longpass@${POOLER}`), ["app.cluster.alias", "app", "alias"])
    const carried = [
      `reference=${REF}`,
      encodeURIComponent(`reference=${REF}`),
      encodeURIComponent(`-c reference=${REF}`),
      encodeURIComponent(`-creference=${REF}`),
      `-c+reference%3D${REF}`,
      `-c reference=${REF}`,
      encodeURIComponent(`--reference=${REF} --search_path=app`)
    ]
    for (const options of carried) {
      const text = `app.dotted:longpass@${POOLER}/postgres?options=${options}`
      assert.deepStrictEqual(identity(text), ["app.dotted", "app.dotted", REF], options)
    }
  })

  it("keeps the options as they were, and finds the search path in them", () => {
    const url = `${SESSION_URL}?options=${encodeURIComponent("-c search_path=app,\\ public -c work_mem=1MB")}`
    const connection = read(url)
    assert.strictEqual(connection.options, "-c search_path=app,\\ public -c work_mem=1MB")
    assert.strictEqual(connection.searchPath, "app, public")
    assert.deepStrictEqual(codes(connection.notes), ["dropped-options"])
    assert.include(connection.notes[0]?.message, "work_mem")
    assert.notInclude(connection.notes[0]?.message, "search_path")
    assert.strictEqual(read(`${SESSION_URL}?search_path=own&options=-c search_path=other`).searchPath, "own")
  })

  it("notes when a bare reference is lost beside other settings", () => {
    const options = encodeURIComponent(`-c search_path=app reference=${REF}`)
    const connection = read(`${SESSION_URL}?options=${options}`)
    assert.deepStrictEqual(codes(connection.notes), ["lost-reference"])
  })

  it("follows libpq's rules for URIs", () => {
    const local = read("postgresql:///mydb?host=localhost&port=5433&user=me&password=se%20cret%2b&connect_timeout=7")
    assert.deepStrictEqual(
      [local.host, local.port, local.database, local.username, passwordOf(local), local.connectTimeoutSeconds],
      ["localhost", 5433, "mydb", "me", "se cret+", 7]
    )
    const overriding = read(
      "postgres://a:first@one:1/x?user=b&password=other&host=two&port=2&dbname=y&sslmode=verify-ca"
    )
    assert.deepStrictEqual(
      [overriding.username, passwordOf(overriding), overriding.host, overriding.port, overriding.database],
      ["b", "other", "two", 2, "y"]
    )
    assert.strictEqual(overriding.sslMode, "verify-ca")
    const v6 = read("postgres://u%40x:p%2Fw%25@[2001:db8::1]:5433?application_name=me@home&sslrootcert=/etc/ca.crt")
    assert.deepStrictEqual(
      [v6.username, passwordOf(v6), v6.host, v6.port, v6.applicationName, v6.sslRootCert],
      ["u@x", "p/w%", "2001:db8::1", 5433, "me@home", "/etc/ca.crt"]
    )
    assert.strictEqual(read("postgres://u:a+b@h").password && passwordOf(read("postgres://u:a+b@h")), "a+b")
    assert.strictEqual(read("postgres://u:longpass@h:/d").port, 5432)
  })

  it("completes what is missing, with a note", () => {
    const nothing = read("postgres://")
    assert.deepStrictEqual([nothing.host, nothing.port, nothing.username], ["localhost", 5432, "postgres"])
    assert.deepStrictEqual(codes(nothing.notes), ["default-username", "default-host", "default-database"])
    assert.strictEqual(read("postgres://app@localhost").database, "app")
    assert.strictEqual(read(`postgres://app.${REF}:longpass@${POOLER}`).database, "postgres")
  })

  it("keeps unknown parameters as notes", () => {
    const connection = read(`${SESSION_URL}?pgbouncer=true&supa=base-pooler.x&flag&sslmode=require`)
    assert.deepStrictEqual(codes(connection.notes), ["ignored-parameter", "ignored-parameter", "ignored-parameter"])
    assert.include(connection.notes[0]?.message, '"pgbouncer"')
    assert.include(connection.notes[1]?.message, '"supa"')
    assert.strictEqual(connection.sslMode, "require")
    assert.strictEqual(read(`${SESSION_URL}?ssl=true`).sslMode, "require")
    assert.strictEqual(read(`${SESSION_URL}?sslmode=disable&ssl=true`).sslMode, "disable")
  })
})

describe("ConnectionString.make and format", () => {
  it("reads back what was made, whatever the characters", () => {
    fc.assert(
      fc.property(made, (connection) => {
        const text = ConnectionString.format(connection, { showPassword: true })
        assert.deepStrictEqual(reveal(read(text)), reveal(connection))
      }),
      { numRuns: 1000 }
    )
  })

  it("composes the user from role and project, where the host requires it", () => {
    const user = (host: string) => ConnectionString.make({ host, role: "app", projectRef: REF }).username
    assert.strictEqual(user(POOLER), `app.${REF}`)
    assert.strictEqual(user("localhost"), `app.${REF}`)
    assert.strictEqual(user(`db.${REF}.supabase.co`), "app")
    assert.strictEqual(ConnectionString.make({ host: POOLER, options: `reference=${REF}` }).projectRef, REF)
  })

  it("writes a canonical URI, with the password only on request", () => {
    const connection = ConnectionString.make({
      host: "::1",
      role: "app",
      password: "p@ss'word",
      sslMode: "require",
      searchPath: "a b"
    })
    assert.strictEqual(
      ConnectionString.format(connection),
      "postgresql://app:*****@[::1]:5432/app?sslmode=require&search_path=a%20b"
    )
    assert.include(ConnectionString.format(connection, { showPassword: true }), "app:p%40ss%27word@")
    assert.include(ConnectionString.format(ConnectionString.make({ host: "h" })), "//postgres@h:5432")
  })

  it("describes a connection in one line without the whole reference", () => {
    assert.strictEqual(
      ConnectionString.describe(read(`${SESSION_URL}?sslmode=require`)),
      `${POOLER}:5432 (shared pooler in session mode), role postgres, project …wdki, database postgres, sslmode require`
    )
    const direct = ConnectionString.describe(read(`postgres://u:longpass@db.${REF}.supabase.co/d`))
    assert.include(direct, "db.…wdki.supabase.co:5432 (direct")
    assert.notInclude(direct, REF)
    const odd = ConnectionString.describe(ConnectionString.make({ host: "h", database: "a\nb\u2028c" }))
    assert.isFalse(/[\n\u2028]/.test(odd))
  })

  it("prints the password nowhere, neither raw nor encoded", () => {
    fc.assert(
      fc.property(made, (connection) => {
        const text = printed(connection)
        const secrets = ConnectionString.secretsOf(connection)
        fc.pre(secrets.every((one) => !ConnectionString.format({ ...connection, password: undefined }).includes(one)))
        assert.isNotEmpty(secrets)
        for (const one of secrets) assert.notInclude(text, one)
      })
    )
  })
})
