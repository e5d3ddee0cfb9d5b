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
import { stopped, timed } from "../../Timing.ts"

const REFERENCE = "abcdefghijklmnopqrst"

const DIRECT = `db.${REFERENCE}.supabase.co`

/** An address of the documentation network (RFC 3849), which does not answer. */
const UNREACHABLE = "2001:db8::1"

const urlAt = (host: string, port = 5432, user = "postgres") =>
  `postgresql://${user}:s3cr3t-CANARY@${host}:${port}/postgres`

const POOLER = "aws-0-eu-central-1.pooler.supabase.com"

const resolverFor = (names: Readonly<Record<string, Answer>>) =>
  Effect.map(nameServer(names), (server) => resolverAt([server]))

const proxied = Effect.gen(function* () {
  const { host, port, url } = yield* TestPostgres
  const proxy = yield* FaultProxy.make({ target: { host, port } })
  return { proxy, url: proxy.urlThrough(url) }
})

/** `unshare` of util-linux; needs root. */
const UNSHARE = "unshare"

const hasNamespaces = spawnSync(UNSHARE, ["-n", "true"]).status === 0

/** A new namespace starts with loopback down. */
const WITH_LOOPBACK = `ip link set lo up && exec "$0" "$@"`

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor and DNS", (it) => {
  it.effect("resolves with the given name server and logs in at the returned address", () =>
    Effect.gen(function* () {
      const { port, url } = yield* TestPostgres
      const resolver = yield* resolverFor({ "db.example.test": ["127.0.0.1"] })
      const named = Redacted.value(url).replace(`127.0.0.1:${port}`, `db.example.test:${port}`)
      const report = yield* runDoctor({ url: `${named}?sslmode=disable`, resolver })
      assert.strictEqual(statusOf(report, "dns"), "pass")
      assertGolden("named-host", report)
    })
  )

  it.effect("reports a host that does not exist", () =>
    Effect.gen(function* () {
      const resolver = yield* resolverFor({})
      assertGolden("no-such-host", yield* runDoctor({ url: urlAt(DIRECT), resolver, only: ["tcp"] }))
    })
  )

  for (const [what, answer, name] of [
    ["fails", "failure", "name-server-fails"],
    ["does not answer", "silence", "name-server-silent"]
  ] as const) {
    it.effect(`reports a name server that ${what}`, () =>
      Effect.gen(function* () {
        const resolver = yield* resolverFor({ [POOLER]: answer })
        const url = urlAt(POOLER, 5432, `postgres.${REFERENCE}`)
        assertGolden(name, yield* runDoctor({ url, resolver, only: ["dns"], timeout: "1 second" }))
      })
    )
  }

  it.effect("reports a pooler name without an IPv4 address", () =>
    Effect.gen(function* () {
      const resolver = yield* resolverFor({ [POOLER]: [UNREACHABLE] })
      const url = urlAt(POOLER, 5432, `postgres.${REFERENCE}`)
      assertGolden("pooler-without-ipv4", yield* runDoctor({ url, resolver, only: ["dns"] }))
    })
  )

  it.effect("suggests a ban when the direct host refuses connections", () =>
    Effect.gen(function* () {
      const { proxy } = yield* proxied
      yield* proxy.setMode(FaultMode.refuse)
      const resolver = yield* resolverFor({ [DIRECT]: ["127.0.0.1"] })
      const report = yield* runDoctor({ url: urlAt(DIRECT, proxy.port), resolver, only: ["tcp"] })
      assert.notInclude(JSON.stringify(report), REFERENCE)
      assertGolden("direct-host-refuses", report)
    }).pipe(Effect.scoped)
  )

  it.effect("recommends the session pooler for an IPv6-only host on a network without IPv6", (test) =>
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

layer(TestPostgres.layer, { excludeTestServices: true })("the doctor and the network", (it) => {
  it.effect("reports a port on which nothing listens", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.refuse)
      assertGolden("connection-refused", yield* runDoctor({ url }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports a server that accepts connections and does not answer", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.stallAccept)
      assertGolden("silent-server", yield* runDoctor({ url, only: ["login"], timeout: "400 millis" }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports connections that are reset", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.when(() => true, FaultMode.reset))
      assertGolden("connection-reset", yield* runDoctor({ url, only: ["login"] }))
    }).pipe(Effect.scoped)
  )

  it.effect("reports a server that is not PostgreSQL", () =>
    Effect.gen(function* () {
      const { proxy, url } = yield* proxied
      yield* proxy.setMode(FaultMode.garbage(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")))
      assertGolden("not-postgresql", yield* runDoctor({ url, only: ["login"], timeout: "1 second" }))
    }).pipe(Effect.scoped)
  )

  it.effect(
    "warns of a slow login and of a distant database",
    () =>
      Effect.gen(function* () {
        const { proxy, url } = yield* proxied
        yield* proxy.setMode(FaultMode.delay({ toClientMillis: 110 }))
        const env = { DB_CONNECT_TIMEOUT: "1s" }
        assertGolden("far-away", yield* runDoctor({ url, env, only: ["login", "latency"] }))
      }).pipe(Effect.scoped),
    timed
  )

  it.effect(
    "closes a connection that stops answering at the limit, and skips the checks that need it",
    () =>
      Effect.gen(function* () {
        const { proxy, url } = yield* proxied
        const [millis, report] = yield* stopped(
          runDoctor({
            url,
            only: ["clock", "server", "latency"],
            timeout: "1 second",
            onStart: (id) => (id === "clock" ? proxy.setMode(FaultMode.blackhole()) : Effect.void)
          })
        )
        assert.isBelow(millis, 6000)
        assert.strictEqual(statusOf(report, "clock"), "fail")
        assert.strictEqual(statusOf(report, "server"), "skip")
      }).pipe(Effect.scoped),
    timed
  )
})
