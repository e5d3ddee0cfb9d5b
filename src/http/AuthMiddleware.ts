/** Applies the policy to every request, and security headers to every response. */
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { Policy, Access } from "./Policy.ts"
import { challenge, COOKIE, signInPage } from "./SignIn.ts"

/** No content sniffing, and no address of this server in the Referer header of other requests. */
const securityHeaders = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" } as const

const textResponse = (status: number, line: string, headers: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.text(`${line}\n`, { status, headers: { "cache-control": "no-store", ...headers } })

const denials = {
  "foreign-host": textResponse(
    403,
    "This server answers requests for this machine only: use 127.0.0.1 or localhost as the host, or set HTTP_HOST."
  ),
  "no-token-set": textResponse(
    403,
    "HTTP_HOST opens this server to the network, and only the probes and /metrics are open without a token. " +
      "Set HTTP_TOKEN to at least 16 characters to read the rest."
  ),
  "token-required": textResponse(401, "Send the value of HTTP_TOKEN as 'Authorization: Bearer <token>'.", challenge)
}

/** A browser that opens the page; other clients do not accept HTML. */
const isPageRequest = ({ headers, url }: HttpServerRequest.HttpServerRequest): boolean =>
  /^\/(?:\?|$)/.test(url) && (headers["accept"] ?? "").includes("text/html")

const denied = (access: Exclude<Access, "allowed">, request: HttpServerRequest.HttpServerRequest) =>
  access === "token-required" && isPageRequest(request) ? signInPage() : denials[access]

/** Answers requests that the policy denies; passes the others on. */
export const authMiddleware =
  ({ check }: Policy) =>
  <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const { cookies, headers, method, url } = request
      const { authorization, host } = headers
      const access = check({ url, method, host, authorization, cookie: cookies[COOKIE] })
      const response = access === "allowed" ? handler : Effect.succeed(denied(access, request))
      return Effect.map(response, HttpServerResponse.setHeaders(securityHeaders))
    })
