import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { cannedServer } from "../../services/doctor/checks/CannedServer.ts"
import { type Authority, inDays, type LeafOptions, makeAuthority } from "../../services/doctor/network/Certificates.ts"
import { startFake } from "../../services/embedded/fake-supavisor/StartFake.ts"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden } from "./Golden.ts"

const SSL_YES = Buffer.from("S")

const only = ["tls"] as const

/** A pooler with a certificate, and the variables to trust its authority. */
const encrypted = (authority: Authority, options?: LeafOptions) =>
  Effect.map(startFake({ tls: authority.sign(options), timeScale: 0.02 }), (supavisor) => ({
    url: supavisor.url(),
    trusted: { DB_SSL_MODE: "verify-full", DB_SSL_ROOT_CERT: authority.certificate }
  }))

const authority = Effect.acquireRelease(Effect.sync(makeAuthority), (made) => Effect.sync(() => made?.dispose()))

const MISSING = "openssl is not installed"

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor and TLS", (it) => {
  it.effect("passes a certificate that verify-full accepts", (test) =>
    Effect.gen(function* () {
      const made = yield* authority
      if (made === undefined) return test.skip(MISSING)
      const { trusted, url } = yield* encrypted(made)
      assertGolden("tls-verified", yield* runDoctor({ url, env: trusted, only: ["login"] }))
    })
  )

  it.effect("explains an unknown certificate authority and never recommends to disable verification", (test) =>
    Effect.gen(function* () {
      const made = yield* authority
      if (made === undefined) return test.skip(MISSING)
      const { url } = yield* encrypted(made)
      const report = yield* runDoctor({ url, env: { DB_SSL_MODE: "verify-full" }, only: ["login"] })
      assert.include(JSON.stringify(report), "Do not set NODE_TLS_REJECT_UNAUTHORIZED")
      assertGolden("tls-untrusted", report)
    })
  )

  it.effect(
    "warns that require does not verify, with the reason why verify-full would refuse the certificate",
    (test) =>
      Effect.gen(function* () {
        const made = yield* authority
        if (made === undefined) return test.skip(MISSING)
        const { url } = yield* encrypted(made)
        assertGolden("tls-unverified", yield* runDoctor({ url, env: { DB_SSL_MODE: "require" }, only }))
      })
  )

  it.effect("explains a certificate that has expired", (test) =>
    Effect.gen(function* () {
      const made = yield* authority
      if (made === undefined) return test.skip(MISSING)
      const { trusted, url } = yield* encrypted(made, { from: inDays(-30), to: inDays(-2) })
      assertGolden("tls-expired", yield* runDoctor({ url, env: trusted, only }))
    })
  )

  it.effect("warns of a certificate that expires within the month", (test) =>
    Effect.gen(function* () {
      const made = yield* authority
      if (made === undefined) return test.skip(MISSING)
      const { trusted, url } = yield* encrypted(made, { to: inDays(10) })
      assertGolden("tls-ends-soon", yield* runDoctor({ url, env: trusted, only }))
    })
  )

  it.effect("explains a certificate for another name", (test) =>
    Effect.gen(function* () {
      const made = yield* authority
      if (made === undefined) return test.skip(MISSING)
      const { trusted, url } = yield* encrypted(made, { names: "DNS:other.example.test" })
      assertGolden("tls-foreign-name", yield* runDoctor({ url, env: trusted, only }))
    })
  )

  it.effect("reports that TLS is required and the server does not offer it", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      assertGolden("tls-not-offered", yield* runDoctor({ url, env: { DB_SSL_MODE: "require" } }))
    })
  )

  it.effect("reports that the pooler requires TLS and it is disabled", (test) =>
    Effect.gen(function* () {
      const made = yield* authority
      if (made === undefined) return test.skip(MISSING)
      const supavisor = yield* startFake({ tls: { ...made.sign(), required: true }, timeScale: 0.02 })
      assertGolden(
        "tls-required",
        yield* runDoctor({ url: supavisor.url(), env: { DB_SSL_MODE: "disable" }, only: ["login"] })
      )
    })
  )

  it.effect("reports plaintext under prefer when the server does not offer TLS", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      assertGolden("tls-preferred", yield* runDoctor({ url: `${Redacted.value(url)}?sslmode=prefer`, only: ["login"] }))
    })
  )

  it.effect("reports a TLS handshake that the server breaks off", () =>
    Effect.gen(function* () {
      const port = yield* cannedServer(Buffer.concat([SSL_YES]))
      const url = `postgresql://someone:s3cr3t-CANARY@127.0.0.1:${port}/postgres?sslmode=require`
      assertGolden("tls-broken-off", yield* runDoctor({ url, only }))
    })
  )

  it.effect("warns when verification is disabled for the whole process", () =>
    Effect.gen(function* () {
      const { url } = yield* TestPostgres
      yield* Effect.acquireRelease(
        Effect.sync(() => void (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0")),
        () => Effect.sync(() => delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"])
      )
      assertGolden("tls-switched-off", yield* runDoctor({ url, only }))
    }).pipe(Effect.scoped)
  )
})
