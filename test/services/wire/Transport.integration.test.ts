import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import type { SettingsInput } from "../../../src/services/config/settings/Settings.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { poolAt } from "../../PoolHarness.ts"

/** A certificate for `localhost`, of its own making; undefined where there is no openssl to make one. */
const selfSigned = (() => {
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
})()

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

    it.effect("is verified under require when a root certificate is given, as libpq does", () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* login("127.0.0.1", { mode: "require", rootCert }), true)
      })
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
