/** What the operations server answers: `/livez`, `/readyz` (and `/healthz`), `/startupz`, `/metrics`, `/status`. */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { ParsedSearchParams } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import { HealthCheck } from "../services/HealthCheck.ts"
import type { PoolMetrics } from "../services/PoolMetrics.ts"
import type { SessionConfig } from "../services/SessionConfig.ts"
import type { SessionPool } from "../services/SessionPool.ts"
import { brief, type Readiness, readinessOf, startOf, verbose } from "./Readiness.ts"
import { makeMetrics } from "./Metrics.ts"
import { makeStatus } from "./Status.ts"

/** Every path with what it is for, as the start-up line and the answer to an unknown path list them. */
export const paths = {
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

const otherMethods = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const

const readOnly = HttpServerResponse.setHeader(text("Only GET and HEAD are answered.", 405), "allow", "GET, HEAD")

/**
 * The routes; HEAD is answered wherever GET is.
 *
 * Nothing here asks the database: probes must not take sessions from the application, nor wait for it.
 */
export const layer: Layer.Layer<
  never,
  never,
  HttpRouter.HttpRouter | HealthCheck | PoolMetrics | SessionPool | SessionConfig
> = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const { current } = yield* HealthCheck
    const status = yield* makeStatus
    const ready = Effect.flatMap(current, (health) => answer("readyz", readinessOf(health)))
    const started = Effect.flatMap(current, (health) => answer("startupz", startOf(health)))
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
