/** The routes of the operations server: the page, the live feed, the status, the metrics and the probes. */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest, ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { PoolMetrics } from "../services/observability/PoolMetrics.ts"
import type { PoolHistory } from "../services/observability/PoolHistory.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"
import { authMiddleware } from "./AuthMiddleware.ts"
import { LiveFeed } from "./LiveFeed.ts"
import { readPageFiles } from "./PageFiles.ts"
import { policyOf, SIGN_IN_PATH } from "./Policy.ts"
import { brief, type Readiness, readinessOf, startupOf, verbose } from "./Readiness.ts"
import { signIn } from "./SignIn.ts"
import { encodeStatus, makeStatus } from "./Status.ts"

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

const headers = { "cache-control": "no-store" }

const text = (body: string, status: number) => HttpServerResponse.text(`${body.trimEnd()}\n`, { status, headers })

const isVerbose = Effect.map(ParsedSearchParams, (parameters) => "verbose" in parameters)

const answer = (probe: string, readiness: Readiness) =>
  Effect.map(isVerbose, (all) => text(all ? verbose(probe, readiness) : brief(readiness), readiness.ready ? 200 : 503))

const live = answer("livez", { ready: true, checks: [{ name: "ping" }] })

const unknownPath = text(
  ["Unknown path. The paths are:", ...Object.entries(paths).map(([path, use]) => `  ${path}  ${use}`)].join("\n"),
  404
)

/** Tells proxies not to buffer the stream. */
const streamHeaders = { ...headers, "x-accel-buffering": "no" }

const JSON_TYPE = "application/json"

const EVENT_STREAM = "text/event-stream; charset=utf-8"

/** The feed for one reader. Its socket is destroyed when it falls too far behind. */
const events = Effect.gen(function* () {
  const feed = yield* LiveFeed
  const request = yield* HttpServerRequest
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
      Effect.map(status, (body) => HttpServerResponse.text(encodeStatus(body), { contentType: JSON_TYPE, headers }))
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
