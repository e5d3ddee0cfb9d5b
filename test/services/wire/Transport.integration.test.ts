import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Tls from "node:tls"
import type { SslMode } from "../../../src/services/config/ConnectionString.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import type { SettingsInput } from "../../../src/services/config/settings/Settings.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"

/** A certificate for `localhost`, of its own making; undefined where there is no openssl to make one. */
const makeSelfSigned = () => {
  const directory = mkdtempSync(join(tmpdir(), "supavisor-tls-"))
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")]
  try {
    execFileSync(
      "openssl",
      [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        key,
        "-out",
        cert
      ],
      { stdio: "ignore" }
    )
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") }
  } catch {
    process.stderr.write("TLS tests are skipped: openssl is not installed\n")
    return undefined
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const selfSigned = makeSelfSigned()

const login = (host: string, ssl: NonNullable<SettingsInput["ssl"]>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const postgres = yield* TestPostgres
      const { sql } = yield* poolAt({
        host,
        port: postgres.port,
        username: "postgres",
        password: postgres.server.password,
        ssl,
        startup: "fail-fast",
        pool: { min: 1, max: 1 }
      })
      const [row] = yield* sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`
      return row?.["ssl"]
    })
  )

const refusal = (host: string, ssl: NonNullable<SettingsInput["ssl"]>) =>
  Effect.map(Effect.flip(login(host, ssl)), (error) => {
    assert.instanceOf(error, SessionError)
    return error as SessionError
  })

describe("a server with TLS", () => {
  const server = selfSigned === undefined ? TestPostgres.layer : TestPostgres.layerWith({ ssl: selfSigned })
  const tls = it.layer(Layer.fresh(server), { excludeTestServices: true })
  if (selfSigned === undefined) return
  const rootCert = selfSigned.cert
  const otherRoot = makeSelfSigned()!.cert
  tls((it) => {
    it.effect("is used in plaintext under disable, encrypted under prefer and require", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* login("localhost", { mode: "disable" }), false)
        assert.strictEqual(yield* login("localhost", { mode: "prefer" }), true)
        assert.strictEqual(yield* login("localhost", { mode: "require" }), true)
      })
    )

    it.effect("is verified under verify-full with its authority's certificate", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* login("localhost", { mode: "verify-full", rootCert }), true)
      })
    )

    it.effect("is refused under verify-full without the authority's certificate, with a remedy", () =>
      Effect.gen(function* () {
        const error = yield* refusal("localhost", { mode: "verify-full" })
        assert.strictEqual(error.class, "configuration")
        assert.include(error.message, "tls phase")
        assert.include(error.remedy, "DB_SSL_ROOT_CERT")
      })
    )

    it.effect("is refused under verify-full if its name is not in the certificate, and accepted under verify-ca", () =>
      Effect.gen(function* () {
        const error = yield* refusal("127.0.0.1", { mode: "verify-full", rootCert })
        assert.include(error.message, "tls phase")
        assert.strictEqual(yield* login("127.0.0.1", { mode: "verify-ca", rootCert }), true)
      })
    )

    // PostgreSQL 17 docs, libpq-ssl and libpq-connect; a missing file is refused in every mode that may use it.
    it.effect("is used for every sslmode and root certificate as libpq 17 uses it", () =>
      Effect.gen(function* () {
        const roots = {
          none: undefined,
          own: rootCert,
          other: otherRoot,
          missing: "/no/such/root.crt",
          system: "system"
        }
        const table: ReadonlyArray<readonly [mode: SslMode, host: string, ...outcomes: ReadonlyArray<string>]> = [
          ["disable", "localhost", "plain", "plain", "plain", "plain", "refused"],
          ["allow", "localhost", "plain", "plain", "plain", "refused", "refused"],
          ["prefer", "127.0.0.1", "tls", "tls", "plain", "refused", "refused"],
          ["require", "127.0.0.1", "tls", "tls", "tls phase", "refused", "refused"],
          ["verify-ca", "127.0.0.1", "tls phase", "tls", "tls phase", "refused", "refused"],
          ["verify-full", "localhost", "tls phase", "tls", "tls phase", "refused", "tls phase"],
          ["verify-full", "127.0.0.1", "tls phase", "tls phase", "tls phase", "refused", "tls phase"]
        ]
        for (const [mode, host, ...outcomes] of table) {
          for (const [index, [name, root]] of Object.entries(roots).entries()) {
            const outcome = yield* login(host, { mode, ...(root === undefined ? {} : { rootCert: root }) }).pipe(
              Effect.map((encrypted) => (encrypted === true ? "tls" : "plain")),
              Effect.catch((error) => {
                assert.instanceOf(error, SessionError)
                const { reason } = error as SessionError
                return Effect.succeed(reason._tag === "ConnectFailed" ? `${reason.phase} phase` : "refused")
              })
            )
            assert.strictEqual(outcome, outcomes[index], `${mode} at ${host}, root certificate: ${name}`)
          }
        }
      })
    )

    it.effect("is accepted with the root certificate system if the process or the machine trusts its authority", () =>
      Effect.gen(function* () {
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            const before = Tls.getCACertificates("default")
            Tls.setDefaultCACertificates([...before, rootCert])
            return before
          }),
          (before) => Effect.sync(() => Tls.setDefaultCACertificates(before))
        )
        assert.strictEqual(yield* login("localhost", { rootCert: "system" }), true)
        const error = yield* refusal("127.0.0.1", { rootCert: "system" })
        assert.strictEqual(error.code, "TLS_NAME_MISMATCH")
      }).pipe(Effect.scoped)
    )
  })
})

it.layer(TestPostgres.layer, { excludeTestServices: true })("a server without TLS", (it) => {
  it.effect("is never used in plaintext under require", () =>
    Effect.gen(function* () {
      const error = yield* refusal("localhost", { mode: "require" })
      assert.include(error.message, "tls phase")
      assert.include(error.message, "TLS")
    })
  )

  it.effect("is used in plaintext under prefer and allow", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* login("localhost", { mode: "prefer" }), false)
      assert.strictEqual(yield* login("localhost", { mode: "allow" }), false)
    })
  )

  it.effect("that cannot be found fails in the dns phase, with its name", () =>
    Effect.gen(function* () {
      const error = yield* refusal("nowhere.invalid", { mode: "disable" })
      assert.include(error.message, "dns phase")
      assert.include(error.message, "nowhere.invalid")
    })
  )
})
