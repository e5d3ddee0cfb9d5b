/** The operations server: `http/Routes.ts` on the address of the settings. */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServer } from "effect/http/HttpServer"
import type { ServeError } from "effect/http/HttpServerError"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { LiveFeed } from "../http/LiveFeed.ts"
import * as Routes from "../http/Routes.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { HealthCheck } from "../services/observability/HealthCheck.ts"
import type { PoolHistory } from "../services/observability/PoolHistory.ts"
import type { PoolMetrics } from "../services/observability/PoolMetrics.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"

/** Bound of responses under way at the end; they come from memory within milliseconds. */
const GRACEFUL_STOP_MILLIS = 250

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: "The port is in use. Stop what listens there, or set HTTP_PORT to another port (0: any free one).",
  EACCES: "This user may not listen there. Set HTTP_PORT to a port above 1023.",
  EADDRNOTAVAIL: "This machine has no such address. Set HTTP_HOST to one of its own, such as 127.0.0.1.",
  ENOTFOUND: "There is no host of this name. Set HTTP_HOST to an address of this machine, such as 127.0.0.1."
}

/** The operations server cannot listen on its address; `remedy` names the variable to change. */
export class OperationsServerError extends Schema.TaggedError<OperationsServerError>()("OperationsServerError", {
  host: Schema.String,
  port: Schema.Number,
  code: Schema.String,
  remedy: Schema.String
}) {
  override get message(): string {
    return `The operations server cannot listen on ${this.host}:${this.port} (${this.code}). ${this.remedy}`
  }
}

const errorFrom = (host: string, port: number, { cause }: ServeError): OperationsServerError => {
  const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : "unknown"
  return new OperationsServerError({ host, port, code, remedy: remedies[code] ?? "Check HTTP_HOST and HTTP_PORT." })
}

const server: Layer.Layer<HttpServer, OperationsServerError, SessionConfig> = Layer.effect(
  HttpServer,
  Effect.gen(function* () {
    const { host, port } = (yield* SessionConfig).http
    const node = createServer()
    const http = yield* NodeHttpServer.make(() => node, {
      host,
      port,
      gracefulShutdownTimeout: GRACEFUL_STOP_MILLIS
    }).pipe(Effect.mapError((error) => errorFrom(host, port, error)))
    // Stopping only closes the listening socket; an incomplete request would stay open for a minute.
    yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
    return http
  })
)

/** Built last, so finalized first: the server does not stop while a stream is open. */
const endStreams: Layer.Layer<never, never, LiveFeed> = Layer.effectDiscard(
  Effect.flatMap(LiveFeed, ({ end }) => Effect.addFinalizer(() => end))
)

/**
 * Listens on `HTTP_HOST` and `HTTP_PORT` (default 127.0.0.1:8321) until the scope closes; provides the `HttpServer` with
 * its actual address, and the `LiveFeed` for programs that end its streams first.
 *
 * Fails with an `OperationsServerError` when it cannot listen. Stopping takes at most half a second: streams end first,
 * then the server.
 */
export const layer: Layer.Layer<
  HttpServer | LiveFeed,
  OperationsServerError,
  HealthCheck | PoolHistory | PoolMetrics | SessionConfig | SessionPool
> = endStreams.pipe(
  Layer.provideMerge(HttpRouter.serve(Routes.layer, { disableLogger: true, disableListenLog: true })),
  Layer.provideMerge(LiveFeed.layer),
  Layer.provideMerge(server),
  Layer.provide(NodeHttpServer.layerHttpServices)
)
