/** Exports traces, metrics and logs to an OpenTelemetry collector, when one is configured. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { version } from "../http/Version.ts"
import { FlushTelemetry } from "../services/observability/PoolMetrics.ts"
import { SessionError } from "../services/errors/SessionError.ts"

/** Bound of the last export: a collector that is down must not delay the end of the program. */
const FLUSH_MILLIS = 2000

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
const PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
const JSON_PROTOCOL = "http/json"

/** The default of OpenTelemetry's SDKs (OpenTelemetry docs, OTLP exporter configuration). */
const DEFAULT_PROTOCOL = "http/protobuf"

/** Defaults of the other variables: an endpoint is used for traces, metrics and logs. */
const defaults = ConfigProvider.fromUnknown({
  OTEL_TRACES_EXPORTER: "otlp",
  OTEL_METRICS_EXPORTER: "otlp",
  OTEL_LOGS_EXPORTER: "otlp",
  OTEL_SERVICE_NAME: "effect-supavisor",
  OTEL_SERVICE_VERSION: version,
  OTEL_EXPORTER_OTLP_TIMEOUT: String(FLUSH_MILLIS)
})

/** The value may contain a key, so it is not shown. */
const unusable = (name: string, expected: string, example: string): SessionError =>
  SessionError.configurationInvalid([{ name, received: "<not shown>", expected, example }])

const isHttp = (endpoint: string): boolean => ["http:", "https:"].includes(URL.parse(endpoint)?.protocol ?? "")

const given = (name: string): Effect.Effect<string | undefined> =>
  Effect.map(Effect.option(Config.String(name)), (value) =>
    Option.getOrUndefined(Option.filter(value, (text) => text.trim() !== ""))
  )

/** Loads the exporters only when they are used. */
const exporters = (protocol: string) =>
  Effect.promise(async () => {
    const [Otlp, Serialization, { Flusher }, FetchHttpClient] = await Promise.all([
      import("effect/observability/Otlp"),
      import("effect/observability/OtlpSerialization"),
      import("effect/observability/OtlpExporter"),
      import("effect/http/FetchHttpClient")
    ])
    const flush = Layer.effect(
      FlushTelemetry,
      Effect.map(Flusher, ({ flush }) => Effect.asVoid(Effect.timeoutOption(flush, FLUSH_MILLIS)))
    )
    return flush.pipe(
      Layer.provideMerge(Otlp.layerFromConfig()),
      Layer.provide(protocol === JSON_PROTOCOL ? Serialization.layerJson : Serialization.layerProtobuf),
      Layer.provide(FetchHttpClient.layer),
      Layer.provide(ConfigProvider.layerAdd(defaults))
    )
  })

/**
 * Exports when `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and does nothing otherwise.
 *
 * Traces, metrics and logs go to `/v1/traces`, `/v1/metrics` and `/v1/logs` below it, as protobuf or, with
 * `OTEL_EXPORTER_OTLP_PROTOCOL=http/json`, as JSON; gRPC is not supported. The other `OTEL_*` variables have
 * OpenTelemetry's meaning; the default service name is `effect-supavisor`. After a failed export the collector is
 * retried a minute later; it delays the end of the program by at most about four seconds. Fails with a `SessionError` of
 * reason `ConfigurationInvalid` for an endpoint that is not a URL or an unsupported protocol.
 */
export const layer: Layer.Layer<never, SessionError> = Layer.unwrap(
  Effect.gen(function* () {
    const endpoint = yield* given(ENDPOINT)
    if (endpoint === undefined) return Layer.empty
    if (!isHttp(endpoint)) return yield* unusable(ENDPOINT, "an http or https URL", "http://localhost:4318")
    const protocol = (yield* given(PROTOCOL)) ?? DEFAULT_PROTOCOL
    if (protocol !== DEFAULT_PROTOCOL && protocol !== JSON_PROTOCOL) {
      return yield* unusable(PROTOCOL, `${DEFAULT_PROTOCOL} or ${JSON_PROTOCOL}; gRPC is not supported`, JSON_PROTOCOL)
    }
    return yield* exporters(protocol)
  })
)
