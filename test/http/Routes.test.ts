import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { paths } from "../../src/http/Routes.ts"
import { StatusBody } from "../../src/http/StatusSchema.ts"
import { version } from "../../src/http/Version.ts"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import type { SessionEntry } from "../../src/services/pool/SessionList.ts"
import type { PoolSnapshot } from "../../src/services/pool/core/Snapshot.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import type { Health } from "../../src/services/observability/health/Health.ts"
import { healthOf, healthFixture, refused } from "./HealthFixture.ts"
import { historyOf } from "./HistoryFixture.ts"
import { poolFixture } from "./PoolFixture.ts"
import { elapsed, median } from "../Timing.ts"

const TOKEN = "correct-horse-battery"

/** A lease that runs a statement with the password in it. */
const leased: SessionEntry = {
  sessionId: 7,
  backendPid: 4711,
  state: "used",
  ageMillis: 10,
  idleMillis: undefined,
  silentMillis: 0,
  uses: 1,
  holder: "billing",
  traceId: undefined,
  heldMillis: 5,
  statement: "alter role app password 'geh@im-nis'",
  runningMillis: 1,
  lastError: "the password geh@im-nis is too short"
}

/** A server over a pool with only these members; any other use fails. */
const served = (health: Partial<Health>, snapshot?: PoolSnapshot) =>
  HttpLayer.layer.pipe(
    Layer.provide([
      Layer.mock(SessionPool, {
        name: "shop",
        endpoint: { host: "db.example.com", port: 5432, database: "shop", username: "postgres" },
        ...(snapshot === undefined ? {} : { snapshot: Effect.succeed(snapshot) }),
        sessions: Effect.succeed([leased]),
        waiters: Effect.succeed([{ holder: "report (fiber #9)", waitingMillis: 12, deadlineMillis: 88 }])
      }),
      healthOf(health),
      historyOf(),
      Layer.mock(PoolMetrics, { prometheus: Effect.succeed("# HELP\n") }),
      SessionConfig.layer({
        url: "postgres://app:geh%40im-nis@db.example.com:5432/shop",
        http: { host: "127.0.0.1", port: 0, token: TOKEN }
      })
    ])
  )

const ask = Effect.fnUntraced(function* (path: string, method = "GET") {
  const { address } = yield* HttpServer
  return yield* Effect.promise(async () => {
    const response = await fetch(formatAddress(address) + path, { method })
    return { status: response.status, headers: response.headers, body: await response.text() }
  })
})

describe("Routes", () => {
  it.live("answer /livez with 200 whatever the pool does", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/livez")
      assert.deepStrictEqual([status, body], [200, "ok\n"])
      assert.strictEqual((yield* ask("/livez?verbose")).body, "[+]ping ok\nlivez check passed\n")
    }).pipe(Effect.provide(served({ state: { _tag: "Down", reason: refused } })))
  )

  it.live("answer /readyz and /healthz with 200 while the pool is ready", () =>
    Effect.gen(function* () {
      for (const path of ["/readyz", "/healthz"]) {
        const { body, headers, status } = yield* ask(path)
        assert.deepStrictEqual([status, body, headers.get("cache-control")], [200, "ok\n", "no-store"])
      }
      const { body } = yield* ask("/readyz?verbose")
      assert.match(body, /^\[\+\]pool ok\n(\[\+\]\w+ ok\n)+readyz check passed\n$/)
    }).pipe(Effect.provide(served({})))
  )

  it.live("answer /readyz with 503 and the reason while they cannot", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/readyz")
      assert.deepStrictEqual([status, body], [503, "not ready: the pool is draining\n"])
      const all = yield* ask("/readyz?verbose=1")
      assert.strictEqual(all.status, 503)
      assert.match(all.body, /^\[-\]pool failed: the pool is draining\n\[\+\](.*\n)+readyz check failed\n$/)
    }).pipe(Effect.provide(served({ state: { _tag: "Draining" } })))
  )

  it.live("answer /readyz with 503 while the database does not answer", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/readyz")
      assert.deepStrictEqual([status, body], [503, "not ready: the connection was refused\n"])
    }).pipe(Effect.provide(served({ state: { _tag: "Down", reason: refused } })))
  )

  it.live("answer /readyz with 200 and the limits of a pool that is degraded", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/readyz")
      assert.deepStrictEqual([status, body], [200, "ok, degraded: all available sessions are in use\n"])
    }).pipe(Effect.provide(served({ state: { _tag: "Degraded", causes: ["saturated"] } })))
  )

  it.live("answer /startupz with 503 before the first session", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/startupz?verbose")
      assert.deepStrictEqual(
        [status, body],
        [503, "[-]session failed: no session was opened yet\nstartupz check failed\n"]
      )
    }).pipe(Effect.provide(served({ started: false, state: { _tag: "Starting" } })))
  )

  it.live("answer /startupz with 200 after it, also while the pool is down", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/startupz")
      assert.deepStrictEqual([status, body], [200, "ok\n"])
    }).pipe(Effect.provide(served({ state: { _tag: "Down", reason: refused } })))
  )

  it.live("answer /readyz within 10 ms, from memory", () =>
    Effect.gen(function* () {
      const times = { livez: [] as Array<number>, readyz: [] as Array<number> }
      for (let n = 0; n < 101; n++) {
        for (const path of ["livez", "readyz"] as const) times[path].push(yield* elapsed(ask(`/${path}`)))
      }
      assert.isBelow(median(times.readyz), median(times.livez) + 10)
    }).pipe(Effect.provide(served({})))
  )

  it.live("answer /status without the password", () =>
    Effect.gen(function* () {
      const { body, headers, status } = yield* ask("/status")
      assert.strictEqual(status, 200)
      assert.include(headers.get("content-type"), "application/json")
      const parsed = JSON.parse(body)
      assert.deepStrictEqual(Schema.decodeUnknownSync(StatusBody)({ ...parsed, addedLater: true }), parsed)
      assert.deepInclude(parsed, {
        version,
        phase: "open",
        ready: false,
        health: JSON.parse(JSON.stringify(healthFixture({ state: { _tag: "Down", reason: refused } }))),
        endpoint: { host: "db.example.com", port: 5432, database: "shop" }
      })
      assert.deepInclude(parsed.pool, { open: 0, max: 5 })
      assert.deepInclude(parsed.sessions[0], { sessionId: 7, holder: "billing" })
      assert.deepInclude(parsed.lastFailure, { code: "ECONNREFUSED" })
      assert.strictEqual(parsed.sessions[0].lastError, "the password ***** is too short")
      assert.deepStrictEqual(parsed.waiters, [{ holder: "report (fiber #9)", waitingMillis: 12, deadlineMillis: 88 }])
      assert.strictEqual(parsed.demo, false)
      assert.deepInclude(parsed.process, { pid: 4711, nodeVersion: "v24.0.0", cpu: 0.01 })
      assert.deepStrictEqual(parsed.wait, { p50: null, p95: null, p99: null })
      assert.deepStrictEqual(parsed.query, { p50: null, p95: null, p99: null, perSecond: null })
      assert.deepInclude(parsed.config, { shutdownTimeout: "20s", source: "code" })
      assert.deepStrictEqual(parsed.config.http, { host: "127.0.0.1", port: 0, token: "given" })
      assert.notInclude(body, TOKEN)
      assert.notMatch(body, /geh(@|%40)im-nis/)
    }).pipe(
      Effect.provide(
        served(
          { state: { _tag: "Down", reason: refused } },
          poolFixture({
            open: 0,
            lastFailure: { atMillis: 0, code: "ECONNREFUSED", message: "refused: geh%40im-nis" }
          })
        )
      )
    )
  )

  it.live("answer /metrics with the text that Prometheus reads", () =>
    Effect.gen(function* () {
      const { body, headers, status } = yield* ask("/metrics")
      assert.deepStrictEqual([status, body, headers.get("cache-control")], [200, "# HELP\n", "no-store"])
      assert.strictEqual(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
    }).pipe(Effect.provide(served({})))
  )

  it.live("answer an unknown path with 404 and the paths there are", () =>
    Effect.gen(function* () {
      for (const path of ["/nope", "/page/", "/page/Nothing.js", "/readyz/deeper"]) {
        const { body, status } = yield* ask(path)
        assert.strictEqual(status, 404)
        for (const known of Object.keys(paths)) assert.include(body, known)
      }
    }).pipe(Effect.provide(served({})))
  )

  it.live("answer HEAD as GET without the body, and refuse to be written to", () =>
    Effect.gen(function* () {
      for (const path of Object.keys(paths)) {
        const { body, status } = yield* ask(path, "HEAD")
        assert.deepStrictEqual([status, body], [200, ""])
      }
      assert.strictEqual((yield* ask("/nope", "HEAD")).status, 404)
      const written = yield* ask("/status", "POST")
      assert.deepStrictEqual([written.status, written.headers.get("allow")], [405, "GET, HEAD"])
    }).pipe(Effect.provide(served({}, poolFixture())))
  )
})
