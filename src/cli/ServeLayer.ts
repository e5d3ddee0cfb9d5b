/** The layers of `serve`, and its shutdown. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { formatAddress, HttpServer } from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { LiveFeed } from "../http/LiveFeed.ts"
import { paths } from "../http/Routes.ts"
import * as DemoLoadLayer from "../layers/DemoLoadLayer.ts"
import * as EmbeddedPostgresLayer from "../layers/EmbeddedPostgresLayer.ts"
import * as HttpLayer from "../layers/HttpLayer.ts"
import * as ObservabilityLayer from "../layers/ObservabilityLayer.ts"
import * as SupavisorLayer from "../layers/SupavisorLayer.ts"
import * as TelemetryLayer from "../layers/TelemetryLayer.ts"
import { DemoLoad } from "../services/embedded/DemoLoad.ts"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { RoutineLogLevel } from "../services/observability/RoutineLog.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import { SessionPool, StartInBackground } from "../services/pool/SessionPool.ts"

export { DemoEnabled } from "../layers/DemoLoadLayer.ts"

/** The operations server, the pool, and an embedded database when none is configured. */
export const layer = HttpLayer.layer.pipe(
  Layer.provideMerge(DemoLoadLayer.layer),
  Layer.provideMerge(ObservabilityLayer.layer),
  Layer.provideMerge(SupavisorLayer.layerNoConfig()),
  // Probes are answered before there is a session.
  Layer.provide([Layer.succeed(StartInBackground, true), Layer.succeed(RoutineLogLevel, "Info")]),
  Layer.provideMerge(EmbeddedPostgresLayer.layer),
  // Built first, so that it also exports the end of the drain.
  Layer.provideMerge(TelemetryLayer.layer)
)

/** Wildcard addresses, and the loopback addresses that reach the same server. */
const wildcards: Readonly<Record<string, string>> = { "//0.0.0.0:": "//127.0.0.1:", "//[::]:": "//[::1]:" }

const pageAt = (address: string): string =>
  Object.entries(wildcards).reduce((url, [wildcard, loopback]) => url.replace(wildcard, loopback), `${address}/`)

/** Bound of the wait until `/readyz` reports the drain; one turn of the event loop is enough. */
const UNREADY_MILLIS = 100

/**
 * Shutdown, in this order: the demonstration load stops, the pool starts to drain and `/readyz` fails, the event streams
 * end, the drain completes while probes are still answered.
 */
const stop = Effect.gen(function* () {
  const pool = yield* SessionPool
  const feed = yield* LiveFeed
  const demo = yield* DemoLoad
  const health = yield* HealthCheck
  yield* demo.stop
  const drain = yield* Effect.forkChild(pool.drain, { startImmediately: true })
  const unready = Stream.runHead(Stream.filter(health.changes, ({ state }) => state._tag === "Draining"))
  yield* Effect.timeoutOption(unready, UNREADY_MILLIS)
  yield* feed.end
  yield* Fiber.join(drain)
})

/**
 * Serves until it is interrupted or the first session fails permanently, then drains the pool while probes are still
 * answered (`/readyz` with 503), then closes the layers: HTTP, the pool, the embedded server.
 */
export const serving: Effect.Effect<never, SessionError, DemoLoad | HealthCheck | HttpServer | LiveFeed | SessionPool> =
  Effect.gen(function* () {
    const pool = yield* SessionPool
    const address = formatAddress((yield* HttpServer).address)
    yield* Effect.logInfo(`Operations at ${address} (${Object.keys(paths).join(" ")}).`)
    yield* Effect.logInfo(`Page at ${pageAt(address)}`)
    yield* pool.ready
    yield* Effect.logInfo("Serving. Ctrl-C drains the pool and ends; a second one ends at once.")
    return yield* Effect.onExit(Effect.never, () => stop)
  })
