import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Http from "node:http"
import * as HttpLayer from "../../src/layers/HttpLayer.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import { SessionConfig } from "../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../src/services/pool/SessionPool.ts"
import { openStream } from "./EventStream.ts"
import { healthOf } from "./HealthFixture.ts"
import { historyOf } from "./HistoryFixture.ts"
import { poolFixture } from "./PoolFixture.ts"

const TOKEN = "correct+horse/battery"
const bearer = { authorization: `Bearer ${TOKEN}` }

const served = (http: { readonly host: string; readonly token?: string }) =>
  HttpLayer.layer.pipe(
    Layer.provide([
      Layer.mock(SessionPool, {
        name: "p",
        endpoint: { host: "db.example.com", port: 5432, database: "postgres", username: "postgres" },
        snapshot: Effect.succeed(poolFixture()),
        sessions: Effect.succeed([]),
        waiters: Effect.succeed([])
      }),
      healthOf(),
      historyOf(),
      Layer.mock(PoolMetrics, { prometheus: Effect.succeed("# HELP\n") }),
      SessionConfig.layer({ http: { ...http, port: 0 } })
    ])
  )

const open = served({ host: "127.0.0.1" })
const shut = served({ host: "0.0.0.0" })
const guarded = served({ host: "0.0.0.0", token: TOKEN })

const address = Effect.map(HttpServer, (server) => formatAddress(server.address).replace("0.0.0.0", "127.0.0.1"))

interface Answer {
  readonly status: number
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

/** One request, with any headers: `fetch` would not send a Host of our choice. */
const ask = (
  path: string,
  headers: Readonly<Record<string, string>> = {},
  { body, method = "GET" }: { readonly body?: string; readonly method?: string } = {}
) =>
  Effect.flatMap(address, (base) =>
    Effect.callback<Answer>((resume) => {
      const request = Http.request(`${base}${path}`, { method, headers, agent: false }, (response) => {
        let text = ""
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => (text += chunk))
        response.on("end", () =>
          resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
        )
      })
      request.end(body)
    })
  )

const signIn = (token: string) =>
  ask(
    "/sign-in",
    { "content-type": "application/x-www-form-urlencoded" },
    { method: "POST", body: new URLSearchParams({ token }).toString() }
  )

const html = { accept: "text/html,application/xhtml+xml" }
const everything = ["/", "/page/uplot.js", "/events", "/status", "/livez", "/metrics", "/nowhere"]

describe("AuthMiddleware", () => {
  it.live("on loopback accepts requests to this machine's names, and refuses every other name", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/status")).status, 200)
      assert.strictEqual((yield* ask("/status", { host: "localhost:1" })).status, 200)
      for (const path of everything) {
        const { body, headers, status } = yield* ask(path, { host: "evil.example" })
        assert.deepStrictEqual([status, headers["cache-control"]], [403, "no-store"])
        assert.include(body, "localhost")
      }
    }).pipe(Effect.provide(open))
  )

  it.live(
    "on the network without a token leaves probes and metrics open, and names the variable that opens the rest",
    () =>
      Effect.gen(function* () {
        for (const path of ["/livez", "/readyz", "/healthz", "/startupz", "/metrics"]) {
          assert.strictEqual((yield* ask(path, { host: "pod.example" })).status, 200)
        }
        for (const path of ["/", "/page/uplot.js", "/events", "/status", "/nowhere"]) {
          const { body, status } = yield* ask(path, { ...html, ...bearer })
          assert.strictEqual(status, 403)
          assert.include(body, "HTTP_TOKEN")
        }
        assert.strictEqual((yield* signIn(TOKEN)).status, 403)
      }).pipe(Effect.provide(shut))
  )

  it.live(
    "on the network with a token requires it: a browser at `/` gets a form, every other request a line of text",
    () =>
      Effect.gen(function* () {
        const page = yield* ask("/", html)
        assert.strictEqual(page.status, 401)
        assert.include(page.headers["content-type"], "text/html")
        assert.include(page.body, 'action="/sign-in"')
        assert.match(String(page.headers["content-security-policy"]), /^default-src 'none'; style-src 'sha256-[^']+'; /)
        const others: ReadonlyArray<readonly [path: string, headers: Readonly<Record<string, string>>]> = [
          ["/", {}],
          ["/status", html],
          ["/events", { accept: "text/event-stream" }],
          ["/page/uplot.js", {}]
        ]
        for (const [path, headers] of others) {
          const { body, headers: answered, status } = yield* ask(path, headers)
          assert.strictEqual(status, 401)
          assert.strictEqual(body.trim().split("\n").length, 1)
          assert.match(answered["www-authenticate"] ?? "", /^Bearer /)
        }
        for (const path of ["/", "/page/uplot.js", "/status"]) {
          assert.strictEqual((yield* ask(path, { ...html, ...bearer })).status, 200)
        }
        assert.strictEqual((yield* ask("/nowhere", bearer)).status, 404)
        const stream = yield* openStream(yield* address, bearer)
        yield* stream.message("hello")
      }).pipe(Effect.provide(guarded), Effect.scoped)
  )

  it.live("gives a browser that signs in a cookie for every path, which no other page can use", () =>
    Effect.gen(function* () {
      const { headers, status } = yield* signIn(` ${TOKEN} `)
      assert.deepStrictEqual([status, headers["location"]], [303, "/"])
      const [cookie = "", ...attributes] = (headers["set-cookie"]?.[0] ?? "").split("; ")
      assert.sameMembers(attributes, ["HttpOnly", "SameSite=Strict", "Path=/"])
      assert.strictEqual((yield* ask("/status", { cookie: `other=1; ${cookie}` })).status, 200)
      assert.strictEqual((yield* ask("/status", { cookie: `${cookie}x` })).status, 401)
      const stream = yield* openStream(yield* address, { cookie })
      yield* stream.message("hello")
    }).pipe(Effect.provide(guarded), Effect.scoped)
  )

  it.live("shows the form once more for another token, for no form and for a body that is too long", () =>
    Effect.gen(function* () {
      for (const token of ["", "wrong-horse-battery", TOKEN.toUpperCase(), "x".repeat(100_000)]) {
        const { body, headers, status } = yield* signIn(token)
        assert.deepStrictEqual([status, headers["set-cookie"]], [401, undefined])
        assert.include(body, "not the token")
      }
      assert.strictEqual((yield* ask("/sign-in", {}, { method: "POST", body: "{" })).status, 401)
      assert.strictEqual((yield* ask("/sign-in", bearer)).status, 404)
    }).pipe(Effect.provide(guarded))
  )

  it.live("redirects a browser to the page that signs in where no token is needed", () =>
    Effect.gen(function* () {
      const { headers, status } = yield* signIn("anything")
      assert.deepStrictEqual([status, headers["location"], headers["set-cookie"]], [303, "/", undefined])
    }).pipe(Effect.provide(open))
  )

  it.live("sends no response that shows the token, can be sniffed or reveals its address", () =>
    Effect.gen(function* () {
      const answers = [
        yield* signIn(TOKEN),
        yield* signIn("wrong"),
        ...(yield* Effect.forEach(["/", "/status", "/metrics", "/readyz", "/nowhere"], (path) => ask(path, bearer))),
        ...(yield* Effect.forEach(["/", "/status"], (path) => ask(path, html)))
      ]
      for (const { body, headers } of answers) {
        assert.notInclude(`${body}${JSON.stringify(headers)}`, TOKEN)
        assert.notInclude(`${body}${JSON.stringify(headers)}`, encodeURIComponent(TOKEN))
        assert.deepInclude(headers, { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" })
      }
    }).pipe(Effect.provide(guarded))
  )
})
