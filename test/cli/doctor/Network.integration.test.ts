import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { spawn, spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { resolverAt } from "../../../src/services/doctor/NetworkCheck.ts"
import { FaultMode, FaultProxy } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { type Answer, nameServer } from "../../services/doctor/network/NameServer.ts"
import { runDoctor } from "./RunDoctor.ts"
import { assertGolden, statusOf } from "./Golden.ts"

const REFERENCE = "abcdefghijklmnopqrst"

const DIRECT = `db.${REFERENCE}.supabase.co`

/** Of a documentation network (RFC 3849): nobody answers there. */
const NOBODY = "2001:db8::1"

const urlAt = (host: string, port = 5432, user = "postgres") =>
  `postgresql://${user}:s3cr3t-CANARY@${host}:${port}/postgres`

const POOLER = "aws-0-eu-central-1.pooler.supabase.com"

const asked = (names: Readonly<Record<string, Answer>>) =>
  Effect.map(nameServer(names), (server) => resolverAt([server]))

/** Golden texts name no ports of this run. */
const proxied = Effect.gen(function* () {
  const { host, port, url } = yield* TestPostgres
  const proxy = yield* FaultProxy.make({ target: { host, port } })
  return { proxy, url: proxy.urlThrough(url) }
})

/** Of util-linux; needs the rights of root. */
const UNSHARE = "unshare"

const hasNamespaces = spawnSync(UNSHARE, ["-n", "true"]).status === 0

/** Loopback is down in a new namespace. */
const WITH_LOOPBACK = `ip link set lo up && exec "$0" "$@"`

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor and names", (it) => {
  it.effect("resolves by the name server it is given, and logs in at what it says", () =>
    Effect.gen(function* () {
      const { port, url } = yield* TestPostgres
      const resolver = yield* asked({ "db.example.test": ["127.0.0.1"] })
      const named = Redacted.value(url).replace(`127.0.0.1:${port}`, `db.example.test:${port}`)
      const report = yield* runDoctor({ url: `${named}?sslmode=disable`, resolver })
      assert.strictEqual(statusOf(report, "dns"), "pass")
      assertGolden("named-host", report)
    })
  )

  it.effect("says that a host does not exist", () =>
    Effect.gen(function* () {
      const resolver = yield* asked({})
      assertGolden("no-such-host", yield* runDoctor({ url: urlAt(DIRECT), resolver, only: ["tcp"] }))
    })
  )

  for (const [what, answer, name] of [
    ["fails", "failure", "name-server-fails"],
    ["is silent", "silence", "name-server-silent"]
  ] as const) {
    it.effect(`says that the name server ${what}`, () =>
      Effect.gen(function* () {
        const resolver = yield* asked({ [POOLER]: answer })
        const url = urlAt(POOLER, 5432, `postgres.${REFERENCE}`)
        assertGolden(name, yield* runDoctor({ url, resolver, only: ["dns"], timeout: "1 second" }))
      })
    )
  }

  it.effect("says that a pooler's name has no IPv4 address", () =>
    Effect.gen(function* () {
      const resolver = yield* asked({ [POOLER]: [NOBODY] })
      const url = urlAt(POOLER, 5432, `postgres.${REFERENCE}`)
      assertGolden("pooler-without-ipv4", yield* runDoctor({ url, resolver, only: ["dns"] }))
    })
  )

  it.effect("suspects a ban where the direct host refuses", () =>
    Effect.gen(function* () {
      const { proxy } = yield* proxied
      yield* proxy.setMode(FaultMode.refuse)
      const resolver = yield* asked({ [DIRECT]: ["127.0.0.1"] })
      const report = yield* runDoctor({ url: urlAt(DIRECT, proxy.port), resolver, only: ["tcp"] })
      assert.notInclude(JSON.stringify(report), REFERENCE)
      assertGolden("direct-host-refuses", report)
    }).pipe(Effect.scoped)
  )

  it.effect("sends an IPv6-only host on a network without IPv6 to the session pooler", (test) =>
    Effect.gen(function* () {
      if (!hasNamespaces) return test.skip("unshare -n is not allowed here")
      const script = fileURLToPath(new URL("./InNamespace.ts", import.meta.url))
      const child = spawn(UNSHARE, ["-n", "sh", "-c", WITH_LOOPBACK, process.execPath, script])
      const output = yield* Effect.callback<string>((resume) => {
        let text = ""
        child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
        child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()))
        child.once("close", () => resume(Effect.succeed(text)))
        return Effect.sync(() => child.kill("SIGKILL"))
      })
      assertGolden("ipv6-only-host", JSON.parse(output))
    })
  )
})

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor and the way to the server", (it) => {
  it.effect("says that nothing listens", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.refuse)
      assertGolden("connection-refused", yield* runDoctor({ url }))
    }).pipe(Effect.scoped)
  )

  it.effect("says that the server accepts and then is silent", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.stallAccept)
      assertGolden("silent-server", yield* runDoctor({ url, only: ["login"], timeout: "400 millis" }))
    }).pipe(Effect.scoped)
  )

  it.effect("says that connections are reset", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.when(() => true, FaultMode.reset))
      assertGolden("connection-reset", yield* runDoctor({ url, only: ["login"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("says that something else than PostgreSQL answers", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.garbage(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")))
      assertGolden("not-postgresql", yield* runDoctor({ url, only: ["login"], timeout: "1 second" }))
    }).pipe(Effect.scoped)
  )

  it.effect("warns of a login that takes long, and of a database that is far away", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.delay({ toClientMillis: 110 }))
      const env = { DB_CONNECT_TIMEOUT: "1s" }
      assertGolden("far-away", yield* runDoctor({ url, env, only: ["login", "latency"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("gives up a session that falls silent, in time, and skips what needs it", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      const began = performance.now()
      const report = yield* runDoctor({
        url,
        only: ["clock", "server", "latency"],
        timeout: "300 millis",
        onStart: (id) => (id === "clock" ? proxy.setMode(FaultMode.blackhole()) : Effect.void)
      })
      assert.isBelow(performance.now() - began, 6000)
      assert.strictEqual(statusOf(report, "clock"), "fail")
      assert.strictEqual(statusOf(report, "server"), "skip")
    }).pipe(Effect.scoped)
  )
})
