import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { paths } from "../../src/http/Routes.ts"
import { version } from "../../src/http/Version.ts"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import type { LedgerEntry } from "../../src/services/pool/Ledger.ts"
import type { PoolSnapshot } from "../../src/services/pool/Snapshot.ts"
import { SessionConfig } from "../../src/services/SessionConfig.ts"
import { SessionPool } from "../../src/services/SessionPool.ts"
import { poolPicture } from "./PoolPicture.ts"

/** A lease that runs a statement with the password in it, as nobody should write it. */
const leased: LedgerEntry = {
  sessionId: 7,
  backendPid: 4711,
  state: "used",
  ageMillis: 10,
  idleMillis: undefined,
  uses: 1,
  holder: "billing",
  traceId: undefined,
  heldMillis: 5,
  statement: "alter role app password 'geh@im-nis'",
  runningMillis: 1
}

/** A server over a pool of which only the picture can be asked: whatever else a route wants makes it fail. */
const served = (snapshot: PoolSnapshot) =>
  HttpLayer.layer.pipe(
    Layer.provide([
      Layer.mock(SessionPool, {
        name: snapshot.name,
        endpoint: { host: "db.example.com", port: 5432, database: "shop", username: "postgres" },
        snapshot: Effect.succeed(snapshot),
        ledger: Effect.succeed([leased])
      }),
      SessionConfig.layer({
        url: "postgres://app:geh%40im-nis@db.example.com:5432/shop",
        http: { host: "127.0.0.1", port: 0 }
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
    }).pipe(Effect.provide(served(poolPicture({ phase: "draining", open: 0 }))))
  )

  it.live("answer /readyz and /healthz with 200 while sessions can be lent", () =>
    Effect.gen(function* () {
      for (const path of ["/readyz", "/healthz"]) {
        const { body, headers, status } = yield* ask(path)
        assert.deepStrictEqual([status, body, headers.get("cache-control")], [200, "ok\n", "no-store"])
      }
      const { body } = yield* ask("/readyz?verbose")
      assert.strictEqual(body, "[+]pool ok\n[+]sessions ok\nreadyz check passed\n")
    }).pipe(Effect.provide(served(poolPicture())))
  )

  it.live("answer /readyz with 503 and the reason while they cannot", () =>
    Effect.gen(function* () {
      const { body, status } = yield* ask("/readyz")
      assert.deepStrictEqual([status, body], [503, "not ready: the pool is draining\n"])
      const all = yield* ask("/readyz?verbose=1")
      assert.deepStrictEqual(
        [all.status, all.body],
        [503, "[-]pool failed: the pool is draining\n[+]sessions ok\nreadyz check failed\n"]
      )
    }).pipe(Effect.provide(served(poolPicture({ phase: "draining" }))))
  )

  it.live("tell in /status what is known, without the password", () =>
    Effect.gen(function* () {
      const { body, headers, status } = yield* ask("/status")
      assert.strictEqual(status, 200)
      assert.include(headers.get("content-type"), "application/json")
      const told = JSON.parse(body)
      assert.deepInclude(told, {
        version,
        phase: "open",
        ready: false,
        endpoint: { host: "db.example.com", port: 5432, database: "shop" }
      })
      assert.deepInclude(told.pool, { open: 0, max: 5 })
      assert.deepInclude(told.ledger[0], { sessionId: 7, holder: "billing" })
      assert.deepInclude(told.lastFailure, { code: "ECONNREFUSED" })
      assert.deepInclude(told.config, { shutdownTimeout: "20s", source: "code" })
      assert.notMatch(body, /geh(@|%40)im-nis/)
    }).pipe(
      Effect.provide(
        served(
          poolPicture({
            open: 0,
            lastFailure: { atMillis: 0, code: "ECONNREFUSED", message: "refused, said geh%40im-nis" }
          })
        )
      )
    )
  )

  it.live("answer an unknown path with 404 and the paths there are", () =>
    Effect.gen(function* () {
      for (const path of ["/", "/nope", "/readyz/deeper"]) {
        const { body, status } = yield* ask(path)
        assert.strictEqual(status, 404)
        for (const known of Object.keys(paths)) assert.include(body, known)
      }
    }).pipe(Effect.provide(served(poolPicture())))
  )

  it.live("answer HEAD as GET without the body, and refuse to be written to", () =>
    Effect.gen(function* () {
      for (const path of Object.keys(paths)) {
        const { body, status } = yield* ask(path, "HEAD")
        assert.deepStrictEqual([status, body], [200, ""])
      }
      assert.strictEqual((yield* ask("/nope", "HEAD")).status, 404)
      const refused = yield* ask("/status", "POST")
      assert.deepStrictEqual([refused.status, refused.headers.get("allow")], [405, "GET, HEAD"])
    }).pipe(Effect.provide(served(poolPicture())))
  )
})
