/** An OpenTelemetry collector that decodes JSON, and keeps protobuf undecoded. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Schema from "effect/Schema"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

/** The parts of OTLP's JSON encoding that are looked at (opentelemetry-proto, v1). */
const AnyValue = Schema.Struct({
  stringValue: Schema.optional(Schema.String),
  intValue: Schema.optional(Schema.Union([Schema.String, Schema.Number]))
})
const Attributes = Schema.Array(Schema.Struct({ key: Schema.String, value: AnyValue }))
const Resource = Schema.Struct({ attributes: Attributes })
const NumberPoint = Schema.Struct({ attributes: Attributes, asDouble: Schema.Number })
const HistogramPoint = Schema.Struct({
  attributes: Attributes,
  count: Schema.Number,
  sum: Schema.Number,
  bucketCounts: Schema.Array(Schema.Number),
  explicitBounds: Schema.Array(Schema.Number)
})
const Metric = Schema.Struct({
  name: Schema.String,
  unit: Schema.String,
  description: Schema.optional(Schema.String),
  gauge: Schema.optional(Schema.Struct({ dataPoints: Schema.Array(NumberPoint) })),
  sum: Schema.optional(Schema.Struct({ isMonotonic: Schema.Boolean, dataPoints: Schema.Array(NumberPoint) })),
  histogram: Schema.optional(Schema.Struct({ dataPoints: Schema.Array(HistogramPoint) }))
})
const Metrics = Schema.Struct({
  resourceMetrics: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeMetrics: Schema.Array(Schema.Struct({ metrics: Schema.Array(Metric) }))
    })
  )
})
const Traces = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeSpans: Schema.Array(
        Schema.Struct({ spans: Schema.Array(Schema.Struct({ name: Schema.String, attributes: Attributes })) })
      )
    })
  )
})
const Logs = Schema.Struct({
  resourceLogs: Schema.Array(
    Schema.Struct({
      resource: Resource,
      scopeLogs: Schema.Array(Schema.Struct({ logRecords: Schema.Array(Schema.Struct({ body: AnyValue })) }))
    })
  )
})

export type ReceivedMetric = typeof Metric.Type

export interface Collector {
  readonly url: string
  /** Every request, in order. */
  readonly requests: ReadonlyArray<{ readonly path: string; readonly type: string; readonly body: Buffer }>
  readonly metrics: () => ReadonlyArray<ReceivedMetric>
  readonly spans: () => ReadonlyArray<string>
  readonly logs: () => ReadonlyArray<string>
  /** Every `service.name` that was sent. */
  readonly services: () => ReadonlySet<string | undefined>
}

/** Listens on a free port of loopback while the scope is open. */
export const makeCollector: Effect.Effect<Collector, never, Scope.Scope> = Effect.gen(function* () {
  const requests: Array<Collector["requests"][number]> = []
  const server = Http.createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const type = request.headers["content-type"] ?? ""
      requests.push({ path: request.url ?? "", type, body: Buffer.concat(chunks) })
      response.end("{}")
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const decoded = <S extends Schema.ConstraintDecoder<unknown>>(path: string, schema: S): ReadonlyArray<S["Type"]> =>
    requests
      .filter((request) => request.path === path)
      .map(({ body }) => Schema.decodeUnknownSync(schema)(JSON.parse(body.toString())))
  const metrics = () => decoded("/v1/metrics", Metrics).flatMap(({ resourceMetrics }) => resourceMetrics)
  const traces = () => decoded("/v1/traces", Traces).flatMap(({ resourceSpans }) => resourceSpans)
  const logs = () => decoded("/v1/logs", Logs).flatMap(({ resourceLogs }) => resourceLogs)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    metrics: () => metrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)),
    spans: () => traces().flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))),
    logs: () =>
      logs().flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords.map(({ body }) => body.stringValue ?? ""))
      ),
    services: () =>
      new Set(
        [...metrics(), ...traces(), ...logs()].map(
          ({ resource }) => resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue
        )
      )
  }
})
