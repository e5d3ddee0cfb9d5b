import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { inspect } from "node:util"
import { SessionError } from "../../../src/services/errors/SessionError.ts"
import { error, fatal } from "./catalogue/Answers.ts"
import { at, everyReason } from "./catalogue/EveryReason.ts"
import { system } from "./catalogue/MachineFailures.ts"

const quoted = { detail: "canary 1", hint: "canary 2", internalQuery: "canary 3", where: "canary 4" }

describe("SessionErrorSafety", () => {
  it("keeps a harmless cause as it is", () => {
    const cause = system("EPIPE")
    const lost = SessionError.sessionLost({ ...at, statementInFlight: true, failure: cause })
    assert.strictEqual(lost.reason._tag === "SessionLost" ? lost.reason.cause : undefined, cause)
  })

  it("is printed as JSON although a certificate in the cause is its own issuer", () => {
    const cert: Record<string, unknown> = { subject: { CN: "x" } }
    cert["issuerCertificate"] = cert
    const failure = Object.assign(system("ERR_TLS_CERT_ALTNAME_INVALID"), { cert })
    const failed = SessionError.connectFailed({ ...at, phase: "tls", failure })
    assert.include(JSON.stringify(failed), "TLS_NAME_MISMATCH")
    assert.include(JSON.stringify(failed.reason), "TLS_NAME_MISMATCH")
  })

  it("shows what a server quotes in fields only, whatever failed, and after a round trip through JSON", () => {
    const codec = Schema.toCodecJson(SessionError)
    for (const severity of ["ERROR", "FATAL"]) {
      for (const code of ["23505", "P0001", "57014", "XX000", "28P01"]) {
        const answer = { severity, code, message: "m", ...quoted }
        for (const failure of [...everyReason(answer), ...everyReason(Object.assign(new Error("m"), answer))]) {
          const back = Schema.decodeUnknownSync(codec)(Schema.encodeUnknownSync(codec)(failure))
          for (const one of [failure, back]) {
            for (const text of [one.message, one.remedy, String(one), JSON.stringify([one, one.reason]), inspect(one)])
              assert.notInclude(text, "canary")
          }
          if (failure.reason._tag === "StatementFailed") {
            const { detail, hint, internalQuery, where } = failure
            assert.deepStrictEqual({ detail, hint, internalQuery, where }, quoted)
          }
        }
      }
    }
  })

  it("never shows a password that a server, a driver or a setting quoted", () => {
    const password = fc
      .string({ minLength: 4, maxLength: 30, unit: "grapheme-ascii" })
      .map((raw) => `Zq9${raw.replace(/[\s"'\\]/g, "_")}`)
    fc.assert(
      fc.property(password, (secret) => {
        for (const shown of [secret, encodeURIComponent(secret)]) {
          const url = `postgres://postgres.ref:${shown}@host:5432/postgres`
          const cause = Object.assign(new Error(`inner ${url}`, { cause: { dsn: `password=${shown}`, url } }), {
            code: "ECONNREFUSED"
          })
          const failures = [
            ...everyReason(cause),
            ...everyReason(fatal(`Internal error (x): %{url: "${url}"}`)),
            ...everyReason(error(`invalid connection string "${url}"`, "P0001")),
            ...everyReason({
              severity: "ERROR",
              code: "42601",
              message: "bad",
              detail: url,
              hint: `password=${shown}`
            }),
            SessionError.configurationInvalid([{ name: "URL", received: url, expected: `not ${url}`, remedy: url }]),
            SessionError.acquireTimeout({ waitedMillis: 1, poolName: "p", state: "", holders: [url], lastFailure: url })
          ]
          for (const failure of failures) {
            for (const text of [
              failure.message,
              String(failure),
              failure.stack ?? "",
              failure.remedy,
              JSON.stringify(failure),
              JSON.stringify(failure.reason),
              inspect(failure, { depth: 10, showHidden: true }),
              inspect(failure.reason, { depth: 10, showHidden: true })
            ]) {
              assert.notInclude(text, shown)
            }
          }
        }
      }),
      { numRuns: 25 }
    )
  })

  it("is built from any value without throwing", () => {
    fc.assert(
      fc.property(fc.anything(), (failure) => {
        for (const made of everyReason(failure)) assert.isAbove(made.message.length, 0)
      }),
      { numRuns: 300 }
    )
    const refuse = (): never => {
      throw new Error("no")
    }
    const hostile = new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse })
    for (const made of everyReason(hostile)) assert.isAbove(made.message.length, 0)
  })
})
