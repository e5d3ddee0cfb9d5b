import { assert, describe, it } from "@effect/vitest"
import type { SslMode } from "../../../src/services/config/ConnectionString.ts"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { fallbackMode } from "../../../src/services/wire/TlsNegotiation.ts"

const failed = (phase: "tls" | "tcp" | "authentication", failure: unknown) =>
  SessionError.connectFailed({ host: "h", port: 5432, phase, elapsedMillis: 1, failure })

const handshake = failed("tls", new Error("handshake failure"))
const refused = failed("authentication", {
  sqlState: "28000",
  severity: "FATAL",
  serverMessage: 'no pg_hba.conf entry for host "127.0.0.1", user "u", database "d", no encryption'
})
const wrongPassword = failed("authentication", { sqlState: "28P01", severity: "FATAL", serverMessage: "no" })

describe("after a dial that failed", () => {
  it("prefer goes on in plaintext when TLS failed or encryption was refused, and for nothing else", () => {
    assert.strictEqual(fallbackMode("prefer", handshake), "disable")
    assert.strictEqual(fallbackMode("prefer", refused), "disable")
    assert.isUndefined(fallbackMode("prefer", wrongPassword))
  })

  it("allow goes on with TLS when plaintext was refused, and for nothing else", () => {
    assert.strictEqual(fallbackMode("allow", refused), "require")
    assert.isUndefined(fallbackMode("allow", wrongPassword))
  })

  it("require and above never fall back, and disable has nothing to fall back to", () => {
    for (const mode of ["disable", "require", "verify-ca", "verify-full"] satisfies ReadonlyArray<SslMode>) {
      for (const error of [handshake, refused, wrongPassword]) assert.isUndefined(fallbackMode(mode, error))
    }
  })
})
