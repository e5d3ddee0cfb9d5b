/** The one door of the operations server: every request passes it, whatever its path, and every answer leaves by it. */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Policy, Verdict } from "./Policy.ts"
import { challenge, COOKIE, signInPage } from "./SignIn.ts"

/** No answer is anything but what it says it is, and no address of this server is told to another one. */
const always = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" } as const

const said = (status: number, line: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.text(`${line}\n`, { status, headers: { "cache-control": "no-store", ...headers } })

const foreignHost = said(
  403,
  "This server answers requests for this machine only: use 127.0.0.1 or localhost as the host, or set HTTP_HOST."
)

const noTokenSet = said(
  403,
  "HTTP_HOST opens this server to the network, and only the probes and /metrics are open without a token. " +
    "Set HTTP_TOKEN to at least 16 characters to read the rest."
)

const tokenWanted = said(401, "Send the value of HTTP_TOKEN as 'Authorization: Bearer <token>'.", challenge)

/** A browser that was sent to the page; scripts and other clients do not ask for HTML. */
const isBrowserAtHome = ({ headers, url }: HttpServerRequest.HttpServerRequest): boolean =>
  /^\/(?:\?|$)/.test(url) && (headers["accept"] ?? "").includes("text/html")

const refusal = (
  verdict: Exclude<Verdict, "passes">,
  request: HttpServerRequest.HttpServerRequest
): HttpServerResponse.HttpServerResponse => {
  switch (verdict) {
    case "foreign-host":
      return foreignHost
    case "no-token-set":
      return noTokenSet
    case "token-wanted":
      return isBrowserAtHome(request) ? signInPage() : tokenWanted
  }
}

/** Lets through what may pass, and answers the rest itself. */
export const door =
  ({ judge }: Policy) =>
  <E, R>(answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const { cookies, headers, method, url } = request
      const { authorization, host } = headers
      const verdict = judge({ url, method, host, authorization, cookie: cookies[COOKIE] })
      const answered = verdict === "passes" ? answer : Effect.succeed(refusal(verdict, request))
      return Effect.map(answered, HttpServerResponse.setHeaders(always))
    })
