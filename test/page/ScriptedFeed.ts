/** A server of the page whose `/events` are controlled by a test. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import type { Hello, StatusBody, HistoryEvent, HistoryPoint } from "../../src/http/StatusSchema.ts"
import { statusFixture } from "../http/StatusFixtures.ts"

const pageDirectory = Path.resolve(import.meta.dirname, "../../src/http/page")
const chartLibrary = Path.dirname(new URL(import.meta.resolve("uplot")).pathname)

const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8"
}

/** The content security policy of the operations server. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

export interface ScriptedFeed {
  readonly url: string
  /** The first message of the next stream. */
  hello: Hello
  /** Sent after `hello` and once a second. */
  status: StatusBody
  /** The status code of `/events` and `/`; undefined for a stream and the page. */
  refusal: number | undefined
  readonly send: {
    readonly status: (status: StatusBody) => void
    readonly point: (point: HistoryPoint) => void
    readonly event: (event: HistoryEvent) => void
    readonly bye: () => void
  }
  /** Ends all streams and stops listening until `start`. */
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** Keeps the connections and sends nothing. */
  silent: boolean
  /** The number of open streams. */
  readonly open: () => number
}

export const helloFixture = (changes: Partial<Hello> = {}): Hello => ({
  version: "0.1.0",
  startedAt: Date.now() - 60_000,
  demo: false,
  stepMillis: 2000,
  windowMillis: 900_000,
  history: [],
  events: [],
  ...changes
})

const fileOf = (path: string): string => {
  if (path === "/") return Path.join(pageDirectory, "Page.html")
  if (path === "/page/uplot.js") return Path.join(chartLibrary, "uPlot.esm.js")
  if (path === "/page/uplot.css") return Path.join(chartLibrary, "uPlot.min.css")
  return Path.join(pageDirectory, Path.basename(path))
}

const answerFile = (path: string, response: Http.ServerResponse): void => {
  const file = fileOf(path)
  if (!Fs.existsSync(file)) {
    response.writeHead(404).end()
    return
  }
  response.writeHead(200, {
    "content-type": contentTypes[Path.extname(file)] ?? "application/octet-stream",
    "content-security-policy": POLICY,
    "cache-control": "no-store"
  })
  response.end(Fs.readFileSync(file))
}

const STATUS_MILLIS = 1000

const UNAUTHORIZED = 401

/** Serves until the scope closes. */
export const makeScriptedFeed: Effect.Effect<ScriptedFeed, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(async () => {
    const streams = new Set<Http.ServerResponse>()
    const write = (response: Http.ServerResponse, name: string, data: unknown) => {
      if (!feed.silent) response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
    }
    const sendAll = (name: string, data: unknown) => {
      for (const stream of streams) write(stream, name, data)
    }
    const server = Http.createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost")
      if (feed.refusal !== undefined && (pathname === "/" || pathname === "/events")) {
        response
          .writeHead(feed.refusal, { "content-type": "text/plain" })
          .end(feed.refusal === UNAUTHORIZED ? "Sign in, please.\n" : "Come back later, please.\n")
      } else if (pathname === "/events") {
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" })
        response.write("retry: 1000\n\n")
        streams.add(response)
        response.once("close", () => streams.delete(response))
        write(response, "hello", feed.hello)
        write(response, "status", feed.status)
      } else answerFile(pathname, response)
    })
    let port = 0
    const start = () =>
      new Promise<void>((resolve) => {
        server.listen(port, "127.0.0.1", () => {
          port = (server.address() as AddressInfo).port
          resolve()
        })
      })
    const stop = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    const feed: ScriptedFeed = {
      get url() {
        return `http://127.0.0.1:${port}/`
      },
      hello: helloFixture(),
      status: statusFixture(),
      refusal: undefined,
      silent: false,
      send: {
        status: (status) => {
          feed.status = status
          sendAll("status", status)
        },
        point: (point) => sendAll("point", point),
        event: (event) => sendAll("event", event),
        bye: () => {
          sendAll("bye", { reason: "shutdown" })
          for (const stream of streams) stream.end()
        }
      },
      start,
      stop,
      open: () => streams.size
    }
    await start()
    const timer = setInterval(() => sendAll("status", feed.status), STATUS_MILLIS)
    return { feed, timer }
  }),
  ({ feed, timer }) =>
    Effect.promise(() => {
      clearInterval(timer)
      return feed.stop()
    })
).pipe(Effect.map(({ feed }) => feed))
