/** The files of the operations page: a fixed list, read once. No path of a request is used as a file name. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import { createRequire } from "node:module"

/** Relative to the parent folder, because the built package has this code in another folder. */
const folder = new URL("../http/page/", import.meta.url)

const PAGE = "Page.html"

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8"
}

/** Only this server is used, and no page may frame it (W3C CSP3). Styles that a script sets are allowed. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'"
].join("; ")

export interface PageFile {
  readonly path: `/${string}`
  readonly answer: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>
}

const extensionOf = (name: string): string => name.split(".").at(-1) ?? ""

const served = (path: PageFile["path"], file: URL | string, extension: string): PageFile => {
  const body = Fs.readFileSync(file)
  const etag = `"${createHash("sha256").update(body).digest("base64url")}"`
  // Browsers store the file and revalidate it every time, so that an upgrade is seen at once.
  const headers = {
    etag,
    "cache-control": "no-cache",
    ...(extension === "html" ? { "content-security-policy": contentPolicy } : {})
  }
  const full = HttpServerResponse.uint8Array(body, { contentType: types[extension] ?? "", headers })
  const unchanged = HttpServerResponse.empty({ status: 304, headers })
  return {
    path,
    answer: Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
      request.headers["if-none-match"] === etag ? unchanged : full
    )
  }
}

const { resolve } = createRequire(import.meta.url)

const MISSING = "The files of the page are missing: a bundler may have left them out. /status has the same data.\n"

const missing: PageFile = {
  path: "/",
  answer: Effect.succeed(HttpServerResponse.text(MISSING, { status: 404, headers: { "cache-control": "no-store" } }))
}

/** Reads the page's files. When they cannot be read, `/` answers 404 and the rest of the server works. */
export const readPageFiles: Effect.Effect<ReadonlyArray<PageFile>> = Effect.try(() => [
  served("/", new URL(PAGE, folder), "html"),
  ...Fs.readdirSync(folder)
    .filter((name) => name !== PAGE && extensionOf(name) in types)
    .map((name) => served(`/page/${name}`, new URL(name, folder), extensionOf(name))),
  // The chart library, from its installed package.
  served("/page/uplot.js", resolve("uplot/dist/uPlot.esm.js"), "js"),
  served("/page/uplot.css", resolve("uplot/dist/uPlot.min.css"), "css")
]).pipe(
  Effect.catch(({ cause }) =>
    Effect.as(Effect.logWarning("The files of the page cannot be read.", Cause.fail(cause)), [missing])
  )
)
