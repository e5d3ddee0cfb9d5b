/** The operations server: routes of the page, the live feed, the status, the metrics and the probes, behind a policy. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { PoolMetrics } from "../services/observability/PoolMetrics.ts"
import type { PoolHistory } from "../services/observability/PoolHistory.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"
import { LiveFeed } from "./LiveFeed.ts"
import { readPageFiles } from "./PageFiles.ts"
import { policyOf, SIGN_IN_PATH, type Policy, type Access } from "./Policy.ts"
import { signIn, challenge, COOKIE, signInPage } from "./SignIn.ts"
import { encodeStatus, makeStatus } from "./Status.ts"
import { causeTexts, type DegradedCause, type Health, isReady } from "../services/observability/health/Health.ts"

/** One check: failed with a `reason`, passed with a `limit`, or passed. */
export interface ReadinessCheck {
  readonly name: string
  readonly reason?: string | undefined
  readonly limit?: string | undefined
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: ReadonlyArray<ReadinessCheck>
}

const poolReasons: { readonly [Tag in Health["state"]["_tag"]]: string | undefined } = {
  Starting: "the pool is starting",
  Up: undefined,
  Degraded: undefined,
  Down: undefined,
  Draining: "the pool is draining"
}

const limits: ReadonlyArray<readonly [name: string, cause: DegradedCause]> = [
  ["sessions", "saturated"],
  ["latency", "slow"],
  ["ceiling", "ceiling"],
  ["dials", "breaker"]
]

export const readinessOf = (health: Health): Readiness => {
  const { state } = health
  const causes = state._tag === "Degraded" ? state.causes : []
  return {
    ready: isReady(health),
    checks: [
      { name: "pool", reason: poolReasons[state._tag] },
      { name: "database", reason: state._tag === "Down" ? state.reason.message : undefined },
      ...limits.map(([name, cause]) => ({ name, limit: causes.includes(cause) ? causeTexts[cause] : undefined }))
    ]
  }
}

/** Started once a session was opened, or at once when the pool opens none before the first acquire. */
export const startupOf = ({ started, state }: Health): Readiness => {
  const reason = state._tag === "Down" ? state.reason.message : "no session was opened yet"
  return { ready: started, checks: [{ name: "session", reason: started ? undefined : reason }] }
}

/** One line: `ok`, with the limits, or the reasons. */
export const brief = ({ checks, ready }: Readiness): string => {
  if (!ready) return `not ready: ${checks.flatMap(({ reason }) => reason ?? []).join("; ")}`
  const limited = checks.flatMap(({ limit }) => limit ?? [])
  return limited.length === 0 ? "ok" : `ok, degraded: ${limited.join("; ")}`
}

const lineOf = ({ limit, name, reason }: ReadinessCheck): string => {
  if (reason !== undefined) return `[-]${name} failed: ${reason}`
  return limit === undefined ? `[+]${name} ok` : `[+]${name} ok, degraded: ${limit}`
}

/** One line for each check and one for the probe, as Kubernetes writes them (Kubernetes docs, API health endpoints). */
export const verbose = (probe: string, { checks, ready }: Readiness): string =>
  [...checks.map(lineOf), `${probe} check ${ready ? "passed" : "failed"}`, ""].join("\n")

/** No content sniffing, and no address of this server in the Referer header of other requests. */
const securityHeaders = { "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" } as const

const headers = { "cache-control": "no-store" }

const text = (body: string, status: number) => HttpServerResponse.text(`${body.trimEnd()}\n`, { status, headers })

const denials = {
  "foreign-host": text(
    "This server answers requests for this machine only: use 127.0.0.1 or localhost as the host, or set HTTP_HOST.",
    403
  ),
  "no-token-set": text(
    "HTTP_HOST opens this server to the network, and only the probes and /metrics are open without a token. " +
      "Set HTTP_TOKEN to at least 16 characters to read the rest.",
    403
  ),
  "token-required": HttpServerResponse.setHeaders(
    text("Send the value of HTTP_TOKEN as 'Authorization: Bearer <token>'.", 401),
    challenge
  )
}

/** A browser that opens the page; other clients do not accept HTML. */
const isPageRequest = ({ headers, url }: HttpServerRequest.HttpServerRequest): boolean =>
  /^\/(?:\?|$)/.test(url) && (headers["accept"] ?? "").includes("text/html")

const denied = (access: Exclude<Access, "allowed">, request: HttpServerRequest.HttpServerRequest) =>
  access === "token-required" && isPageRequest(request) ? signInPage() : denials[access]

/** Answers requests that the policy denies; passes the others on. */
const authMiddleware =
  ({ check }: Policy) =>
  <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
      const { cookies, headers, method, url } = request
      const { authorization, host } = headers
      const access = check({ url, method, host, authorization, cookie: cookies[COOKIE] })
      const response = access === "allowed" ? handler : Effect.succeed(denied(access, request))
      return Effect.map(response, HttpServerResponse.setHeaders(securityHeaders))
    })

/** Prometheus' text format (Prometheus docs, exposition formats). */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** Every path with its purpose; the response to an unknown path lists them. */
export const paths = {
  "/": "the operations page",
  "/events": "the live feed of the page, as Server-Sent Events",
  "/livez": "200 while the program runs, also while it drains",
  "/readyz": "200 while the pool is ready, else 503 with the reason; ?verbose lists the checks",
  "/healthz": "the same as /readyz",
  "/startupz": "503 until the first session is open, then always 200",
  "/metrics": "all metrics in Prometheus' text format",
  "/status": "pool, sessions and settings as JSON"
} as const

const isVerbose = Effect.map(HttpServerRequest.ParsedSearchParams, (parameters) => "verbose" in parameters)

const answer = (probe: string, readiness: Readiness) =>
  Effect.map(isVerbose, (all) => text(all ? verbose(probe, readiness) : brief(readiness), readiness.ready ? 200 : 503))

const live = answer("livez", { ready: true, checks: [{ name: "ping" }] })

const unknownPath = text(
  ["Unknown path. The paths are:", ...Object.entries(paths).map(([path, use]) => `  ${path}  ${use}`)].join("\n"),
  404
)

/** Tells proxies not to buffer the stream. */
const streamHeaders = { ...headers, "x-accel-buffering": "no" }

const EVENT_STREAM = "text/event-stream; charset=utf-8"

/** The feed for one reader. Its socket is destroyed when it falls too far behind. */
const events = Effect.gen(function* () {
  const feed = yield* LiveFeed
  const request = yield* HttpServerRequest.HttpServerRequest
  if (request.method === "HEAD")
    return HttpServerResponse.text("", { contentType: EVENT_STREAM, headers: streamHeaders })
  const socket = NodeHttpServerRequest.toIncomingMessage(request)
  return yield* Effect.match(
    feed.open(() => socket.destroy()),
    {
      onFailure: ({ reason }) => text(reason, 503),
      onSuccess: (stream) => HttpServerResponse.stream(stream, { contentType: EVENT_STREAM, headers: streamHeaders })
    }
  )
})

const otherMethods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

const readOnly = HttpServerResponse.setHeader(text("Only GET and HEAD are answered.", 405), "allow", "GET, HEAD")

export type Needs = HealthCheck | LiveFeed | PoolHistory | PoolMetrics | SessionPool | SessionConfig

/** The routes behind the policy. None uses the database: probes must neither take sessions nor wait for them. */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter | Needs> = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { current } = yield* HealthCheck
    const { prometheus } = yield* PoolMetrics
    const feed = yield* LiveFeed
    const { http } = yield* SessionConfig
    const policy = policyOf(http)
    const status = yield* makeStatus
    const ready = Effect.flatMap(current, (health) => answer("readyz", readinessOf(health)))
    const started = Effect.flatMap(current, (health) => answer("startupz", startupOf(health)))
    yield* router.addGlobalMiddleware(authMiddleware(policy))
    for (const { answer, path } of yield* readPageFiles) yield* router.add("GET", path, answer)
    yield* router.add("POST", SIGN_IN_PATH, signIn(policy))
    yield* router.add("GET", "/events", Effect.provideService(events, LiveFeed, feed))
    yield* router.add("GET", "/livez", live)
    yield* router.add("GET", "/readyz", ready)
    yield* router.add("GET", "/healthz", ready)
    yield* router.add("GET", "/startupz", started)
    yield* router.add(
      "GET",
      "/status",
      Effect.map(status, (body) =>
        HttpServerResponse.text(encodeStatus(body), { contentType: "application/json", headers })
      )
    )
    yield* router.add(
      "GET",
      "/metrics",
      Effect.map(prometheus, (body) => HttpServerResponse.text(body, { contentType: CONTENT_TYPE, headers }))
    )
    yield* router.add("GET", "/*", unknownPath)
    for (const method of otherMethods) yield* router.add(method, "/*", readOnly)
  })
)
