/** What the operations server answers: the page, the live feed, the status, the metrics and the probes. */
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
import { door } from "./AuthMiddleware.ts"
import { LiveFeed } from "./LiveFeed.ts"
import { readPageFiles } from "./PageFiles.ts"
import { policyOf, SIGN_IN_PATH } from "./Policy.ts"
import { brief, type Readiness, readinessOf, startOf, verbose } from "./Readiness.ts"
import { signIn } from "./SignIn.ts"
import { makeStatus } from "./Status.ts"

/** Prometheus' text format (Prometheus docs, exposition formats). */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** A reader of all metrics as an answer; `headers` go with every answer. */
export const makeMetrics = (headers: Readonly<Record<string, string>>) =>
  Effect.map(PoolMetrics, (metrics) =>
    Effect.map(metrics.prometheus, (body) => HttpServerResponse.text(body, { contentType: CONTENT_TYPE, headers }))
  )

/** Every path with what it is for, as the start-up line and the answer to an unknown path list them. */
export const paths = {
  "/": "the page: all of it at a glance, live",
  "/events": "what the page is fed with, as Server-Sent Events",
  "/livez": "200 while the program answers, also while it drains",
  "/readyz": "200 while sessions can be lent, else 503 with the reason; ?verbose lists the checks",
  "/healthz": "the same as /readyz",
  "/startupz": "503 before the first session, 200 ever after",
  "/metrics": "everything that is measured, in Prometheus' text format",
  "/status": "pool, sessions and settings as JSON"
} as const

/** An answer of a moment ago is wrong: nothing of this may be kept by anybody. */
const headers = { "cache-control": "no-store" }

const text = (body: string, status: number) => HttpServerResponse.text(`${body.trimEnd()}\n`, { status, headers })

const isVerbose = Effect.map(ParsedSearchParams, (parameters) => "verbose" in parameters)

const answer = (probe: string, readiness: Readiness) =>
  Effect.map(isVerbose, (all) => text(all ? verbose(probe, readiness) : brief(readiness), readiness.ready ? 200 : 503))

const live = answer("livez", { ready: true, checks: [{ name: "ping" }] })

const unknownPath = text(
  ["There is no such path. There are:", ...Object.entries(paths).map(([path, use]) => `  ${path}  ${use}`)].join("\n"),
  404
)

/** For a proxy that gathers what it passes on: a message that waits for the next one is late. */
const streamed = { ...headers, "x-accel-buffering": "no" }

const EVENT_STREAM = "text/event-stream; charset=utf-8"

/** The feed for one reader; one that does not read is cut off by its socket. */
const events = Effect.gen(function* () {
  const feed = yield* LiveFeed
  const request = yield* HttpServerRequest
  if (request.method === "HEAD") return HttpServerResponse.text("", { contentType: EVENT_STREAM, headers: streamed })
  const socket = NodeHttpServerRequest.toIncomingMessage(request)
  return yield* Effect.match(
    feed.open(() => socket.destroy()),
    {
      onFailure: ({ why }) => text(why, 503),
      onSuccess: (stream) => HttpServerResponse.stream(stream, { contentType: EVENT_STREAM, headers: streamed })
    }
  )
})

const otherMethods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

const readOnly = HttpServerResponse.setHeader(text("Only GET and HEAD are answered.", 405), "allow", "GET, HEAD")

/** What the routes stand on. */
export type Needs = HealthCheck | LiveFeed | PoolHistory | PoolMetrics | SessionPool | SessionConfig

/**
 * The routes, behind the one door; HEAD is answered wherever GET is.
 *
 * Nothing here asks the database: probes must not take sessions from the application, nor wait for it.
 */
export const layer: Layer.Layer<never, never, HttpRouter.HttpRouter | Needs> = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { current } = yield* HealthCheck
    const feed = yield* LiveFeed
    const { http } = yield* SessionConfig
    const policy = policyOf(http)
    const status = yield* makeStatus
    const ready = Effect.flatMap(current, (health) => answer("readyz", readinessOf(health)))
    const started = Effect.flatMap(current, (health) => answer("startupz", startOf(health)))
    yield* router.addGlobalMiddleware(door(policy))
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
      Effect.map(status, (body) => HttpServerResponse.jsonUnsafe(body, { headers }))
    )
    yield* router.add("GET", "/metrics", yield* makeMetrics(headers))
    yield* router.add("GET", "/*", unknownPath)
    for (const method of otherMethods) yield* router.add(method, "/*", readOnly)
  })
)
