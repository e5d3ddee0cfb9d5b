import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { EmbeddedPostgres } from "../../../src/services/embedded/EmbeddedPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"
import { statusOf } from "../../cli/doctor/Golden.ts"
import { runDoctor } from "../../cli/doctor/RunDoctor.ts"
import { makeAuthority } from "../doctor/network/Certificates.ts"

/** A directory that the server may use as another user, with a short path: a Unix socket's has at most 107 bytes. */
const directory = Effect.acquireRelease(
  Effect.sync(() => {
    const path = mkdtempSync(join(tmpdir(), "pg-"))
    chmodSync(path, 0o777)
    return path
  }),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const sessionError = (error: unknown): SessionError => {
  assert.instanceOf(error, SessionError)
  return error
}

describe("a Unix socket", () => {
  it.live("is used where the host is a directory, in code and in a URL, also to cancel a statement", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const server = yield* EmbeddedPostgres.make({ settings: { unix_socket_directories: path } })
      const password = Redacted.value(server.password)
      const pool = { min: 1, max: 1 }
      const url = `postgres://postgres:${password}@${encodeURIComponent(path)}:${server.port}/postgres?sslmode=require`
      for (const settings of [{ host: path, port: server.port, database: "postgres", password }, { url }]) {
        const { pool: sessions, sql } = yield* poolAt({ ...settings, pool })
        assert.deepStrictEqual(yield* sql`select inet_client_addr() is null as local`, [{ local: true }])
        yield* Effect.timeoutOption(sql`select pg_sleep(60)`, "200 millis")
        assert.deepStrictEqual(yield* sql`select count(*)::int as n from pg_stat_activity where query like '%(60)'`, [
          { n: 0 }
        ])
        assert.strictEqual((yield* sessions.snapshot).name, `${path}:${server.port}/postgres`)
      }
      const report = yield* runDoctor({ url })
      assert.deepStrictEqual([statusOf(report, "dns"), statusOf(report, "login")], ["info", "pass"])
    }).pipe(Effect.scoped)
  )

  it.live("that does not exist is named in the error", () =>
    Effect.gen(function* () {
      const path = yield* directory
      const settings = { host: path, database: "d", startup: "fail-fast", connectTimeout: "5 seconds" } as const
      const error = sessionError(yield* Effect.flip(poolAt(settings)))
      assert.strictEqual(error.code, "NO_SOCKET_FILE")
      assert.include(error.message, path)
    }).pipe(Effect.scoped)
  )
})

describe("a client certificate", () => {
  it.live("logs in at a server that requires one, and the server is verified by ssl.serverName", (test) =>
    Effect.gen(function* () {
      const authority = makeAuthority()
      if (authority === undefined) return test.skip("openssl is not installed")
      yield* Effect.addFinalizer(() => Effect.sync(authority.dispose))
      const path = yield* directory
      const [hba, root] = [join(path, "pg_hba.conf"), join(path, "root.crt")]
      writeFileSync(hba, 'hostssl all "pooler.test" all cert\nhost all all all scram-sha-256\n')
      writeFileSync(root, authority.certificate)
      const server = yield* EmbeddedPostgres.make({
        ssl: authority.sign({ names: "DNS:db.example.test" }),
        settings: { hba_file: hba, ssl_ca_file: root }
      })
      const at = { host: server.host, port: server.port, database: "postgres", startup: "fail-fast" } as const
      const pool = { min: 1, max: 1 }
      const admin = yield* poolAt({ url: server.url, pool })
      yield* admin.sql`create role "pooler.test" login`
      const client = authority.sign()
      const ssl = { mode: "verify-full", rootCert: authority.certificate, serverName: "db.example.test" } as const
      const key = Redacted.make(client.key)
      const inCode = yield* poolAt({ ...at, username: "pooler.test", ssl: { ...ssl, cert: client.cert, key }, pool })
      assert.deepStrictEqual(yield* inCode.sql`select current_user as who`, [{ who: "pooler.test" }])

      const [certFile, keyFile] = [join(path, "client.crt"), join(path, "client.key")]
      writeFileSync(certFile, client.cert)
      writeFileSync(keyFile, client.key, { mode: 0o600 })
      const query = `sslmode=require&sslcert=${encodeURIComponent(certFile)}&sslkey=${encodeURIComponent(keyFile)}`
      const inUrl = yield* poolAt({
        url: `postgres://pooler.test@${server.host}:${server.port}/postgres?${query}`,
        pool
      })
      assert.deepStrictEqual(yield* inUrl.sql`select current_user as who`, [{ who: "pooler.test" }])

      const without = sessionError(yield* Effect.flip(poolAt({ ...at, username: "pooler.test", ssl, pool })))
      assert.strictEqual(without.class, "auth")
      const foreign = sessionError(
        yield* Effect.flip(
          poolAt({ url: server.url, startup: "fail-fast", ssl: { ...ssl, serverName: "other.example.test" }, pool })
        )
      )
      assert.include(foreign.message, "tls phase")
      const absent = sessionError(
        yield* Effect.flip(poolAt({ ...at, ssl: { ...ssl, cert: join(path, "absent.crt"), key: keyFile }, pool }))
      )
      assert.include(absent.message, "DB_SSL_CERT")
      const other = authority.sign()
      const mixed = sessionError(
        yield* Effect.flip(poolAt({ ...at, ssl: { ...ssl, cert: client.cert, key: other.key }, pool }))
      )
      assert.strictEqual(mixed.code, "TLS_CLIENT_CERTIFICATE")
    }).pipe(Effect.scoped)
  )
})

describe("a password that is an effect", () => {
  it.live("fails the login with a typed error when it fails or dies, and is tried again", () =>
    Effect.gen(function* () {
      const server = yield* EmbeddedPostgres.make()
      const at = { host: server.host, port: server.port, database: "postgres", pool: { min: 1, max: 1 } }
      for (const failure of [Effect.fail("no token"), Effect.die(new Error("no token"))]) {
        const error = sessionError(yield* Effect.flip(poolAt({ ...at, password: failure, startup: "fail-fast" })))
        assert.deepStrictEqual([error.code, error.class, error.isRetryable], ["PASSWORD_UNAVAILABLE", "network", true])
        assert.include(error.message, "no token")
      }
      let evaluated = 0
      const password = Effect.suspend(() =>
        ++evaluated === 1 ? Effect.fail("not yet") : Effect.succeed(server.password)
      )
      const { sql } = yield* poolAt({ ...at, password })
      assert.deepStrictEqual(yield* sql`select 1 as one`, [{ one: 1 }])
      assert.strictEqual(evaluated, 2)
    }).pipe(Effect.scoped)
  )
})
