/** `/metrics`, for Prometheus and whatever reads its text format. */
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { PoolMetrics } from "../services/observability/PoolMetrics.ts"

/** Prometheus' text format (Prometheus docs, exposition formats). */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

/** A reader of all metrics as an answer; `headers` go with every answer. */
export const makeMetrics = (headers: Readonly<Record<string, string>>) =>
  Effect.map(PoolMetrics, (metrics) =>
    Effect.map(metrics.prometheus, (body) => HttpServerResponse.text(body, { contentType: CONTENT_TYPE, headers }))
  )
