import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { readdirSync, readFileSync } from "node:fs"
import { readPageFiles } from "../../src/http/PageFiles.ts"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { healthOf } from "./HealthFixture.ts"
import { historyOf } from "./HistoryFixture.ts"

const folder = new URL("../../src/http/page/", import.meta.url)
const parts = readdirSync(folder).filter((name) => /\.(?:js|css)$/.test(name))

const serving = HttpLayer.layer.pipe(
  Layer.provide([
    Layer.mock(SessionPool, {
      name: "shop",
      endpoint: { host: "db.example.com", port: 5432, database: "postgres", username: "postgres" }
    }),
    healthOf(),
    historyOf(),
    Layer.mock(PoolMetrics, { prometheus: Effect.succeed("") }),
    SessionConfig.layer({ http: { port: 0 } })
  ])
)

const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  Effect.flatMap(HttpServer, ({ address }) =>
    Effect.promise(async () => {
      const response = await fetch(formatAddress(address) + path, { headers })
      return { status: response.status, headers: response.headers, body: await response.text() }
    })
  )

describe("The page's files", () => {
  it.live("are served as they are, each with its type", () =>
    Effect.gen(function* () {
      const page = yield* get("/")
      assert.strictEqual(page.headers.get("content-type"), "text/html; charset=utf-8")
      assert.strictEqual(page.body, readFileSync(new URL("Page.html", folder), "utf8"))
      for (const name of parts) {
        const { body, headers } = yield* get(`/page/${name}`)
        assert.strictEqual(body, readFileSync(new URL(name, folder), "utf8"))
        assert.match(headers.get("content-type") ?? "", name.endsWith(".js") ? /^text\/javascript/ : /^text\/css/)
      }
      assert.include((yield* get("/page/uplot.js")).body, "export { uPlot as default }")
      assert.include((yield* get("/page/uplot.css")).body, ".uplot")
    }).pipe(Effect.provide(serving))
  )

  it.live("let the page load, send and be framed nothing from elsewhere", () =>
    Effect.gen(function* () {
      const { headers } = yield* get("/")
      assert.strictEqual(
        headers.get("content-security-policy"),
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
      )
    }).pipe(Effect.provide(serving))
  )

  it.live("are not sent again when unchanged", () =>
    Effect.gen(function* () {
      const { headers } = yield* get("/page/Page.css")
      const etag = headers.get("etag") ?? ""
      assert.match(etag, /^"[\w-]{43}"$/)
      assert.strictEqual(headers.get("cache-control"), "no-cache")
      const again = yield* get("/page/Page.css", { "if-none-match": etag })
      assert.deepStrictEqual([again.status, again.body, again.headers.get("etag")], [304, "", etag])
      assert.strictEqual((yield* get("/page/Page.css", { "if-none-match": '"other"' })).status, 200)
    }).pipe(Effect.provide(serving))
  )

  it.live("are a fixed list: no other name leads to a file", () =>
    Effect.gen(function* () {
      const others = ["Page.html", "Messages.ts", "%2e%2e/Routes.ts", "..%2fRoutes.ts", "..%5cRoutes.ts", "nothing.js"]
      for (const name of others) assert.strictEqual((yield* get(`/page/${name}`)).status, 404, name)
    }).pipe(Effect.provide(serving))
  )

  it.effect("include every file that the page references", () =>
    Effect.gen(function* () {
      const listed = (yield* readPageFiles).map(({ path }) => path)
      // Types are named in comments, which no browser reads.
      const mentions = /^(?:import .*|import |\} )(?:from )?"(\.\/[\w.-]+)"|(?:href|src)="(\/[\w./-]+)"/gm
      const requested = ["Page.html", ...parts].flatMap((name) =>
        Array.from(readFileSync(new URL(name, folder), "utf8").matchAll(mentions), ([, part, path]) =>
          part === undefined ? `${path}` : part.replace(/^\.\//, "/page/")
        )
      )
      assert.isNotEmpty(requested)
      assert.deepStrictEqual(
        requested.filter((path) => !listed.some((known) => known === path)),
        []
      )
    })
  )
})
