/** The serving part of the program: what it stands on, and its orderly end. */
import * as Effect from "effect/Effect"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { paths } from "../http/Routes.ts"
import * as EmbeddedPostgresLayer from "../layers/EmbeddedPostgresLayer.ts"
import * as HttpLayer from "../layers/HttpLayer.ts"
import * as ObservabilityLayer from "../layers/ObservabilityLayer.ts"
import * as SupavisorLayer from "../layers/SupavisorLayer.ts"
import * as TelemetryLayer from "../layers/TelemetryLayer.ts"
import type { SessionError } from "../services/SessionError.ts"
import { SessionPool, StartInBackground } from "../services/SessionPool.ts"

/** The operations server on the pool, the pool on the database, the database embedded where none is named. */
export const layer = HttpLayer.layer.pipe(
  Layer.provideMerge(ObservabilityLayer.layer),
  Layer.provideMerge(SupavisorLayer.layerNoConfig()),
  // Probes are answered from the first moment on, before there is a session.
  Layer.provide(Layer.succeed(StartInBackground, true)),
  Layer.provideMerge(EmbeddedPostgresLayer.layer),
  // Below everything, so that it hears all of it, to the last word of the drain.
  Layer.provideMerge(TelemetryLayer.layer)
)

/**
 * Serves until it is interrupted or the first session fails for good, then drains the pool while probes are still answered: `/readyz` turns 503 at once.
 *
 * What it stands on ends after that, in this order: HTTP, the pool, the embedded server.
 */
export const serving: Effect.Effect<never, SessionError, HttpServer | SessionPool> = Effect.gen(function* () {
  const pool = yield* SessionPool
  const { address } = yield* HttpServer
  yield* Effect.logInfo(`Operations at ${formatAddress(address)} (${Object.keys(paths).join(" ")}).`)
  yield* pool.ready
  yield* Effect.logInfo("Serving. Ctrl-C drains the pool and ends; a second one ends at once.")
  return yield* Effect.onExit(Effect.never, () => pool.drain)
})
