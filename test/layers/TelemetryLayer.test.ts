import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import { SqlClient } from "effect/sql/SqlClient"
import * as TelemetryLayer from "../../src/layers/TelemetryLayer.ts"
import { PoolMetrics } from "../../src/services/observability/PoolMetrics.ts"
import { ScriptedSessions } from "../../src/testing/ScriptedSessions.ts"
import { makeCollector } from "../services/observability/metrics/Collector.ts"
import { elapsed, timed } from "../Timing.ts"

/** Runs one statement of a measured pool and logs a line, with the environment's telemetry settings, then closes everything. */
const run = (environment: Readonly<Record<string, string>>) => {
  const measured = PoolMetrics.layer.pipe(
    Layer.provideMerge(ScriptedSessions.layerClient({ "select 1": [{ one: 1 }] })),
    Layer.provideMerge(TelemetryLayer.layer),
    Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))),
    Layer.provide(Logger.layer([]))
  )
  return Effect.gen(function* () {
    const sql = yield* SqlClient
    yield* sql`select 1`
    yield* Effect.logInfo("a line for the collector")
  }).pipe(
    Effect.withSpan("a span for the collector"),
    Effect.provide(measured),
    Effect.provideService(Metric.MetricRegistry, new Map())
  )
}

const keyed = (attributes: ReadonlyArray<{ readonly key: string }>): ReadonlyArray<string> =>
  attributes.map(({ key }) => key).toSorted()

describe("TelemetryLayer", () => {
  it.live("sends traces, metrics and logs that a receiver can decode", () =>
    Effect.gen(function* () {
      const collector = yield* makeCollector
      yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })
      assert.include(collector.spans(), "a span for the collector")
      assert.include(collector.logs(), "a line for the collector")
      assert.deepStrictEqual([...collector.services()], ["effect-supavisor"])
      const metrics = new Map(collector.metrics().map((metric) => [metric.name, metric]))
      const count = metrics.get("db.client.connection.count")
      assert.strictEqual(count?.unit, "{connection}")
      assert.isFalse(count?.sum?.isMonotonic)
      assert.deepStrictEqual(keyed(count?.sum?.dataPoints[0]?.attributes ?? []), [
        "db.client.connection.pool.name",
        "db.client.connection.state"
      ])
      assert.isTrue(metrics.get("db.client.connection.timeouts")?.sum?.isMonotonic)
      const [use] = metrics.get("db.client.connection.use_time")?.histogram?.dataPoints ?? []
      assert.strictEqual(use?.count, 1)
      assert.strictEqual(use?.bucketCounts.length, use!.explicitBounds.length + 1)
      assert.strictEqual(metrics.get("db.client.connection.use_time")?.unit, "s")
      assert.strictEqual(metrics.get("db.client.connection.session.ready")?.gauge?.dataPoints[0]?.asDouble, 1)
    }).pipe(Effect.scoped)
  )

  it.live("sends protobuf unless JSON is configured, and uses the configured service name", () =>
    Effect.gen(function* () {
      const collector = yield* makeCollector
      yield* run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: "shop" })
      const paths = collector.requests.map(({ path }) => path)
      for (const path of ["/v1/traces", "/v1/metrics", "/v1/logs"]) assert.include(paths, path)
      for (const { body, type } of collector.requests) {
        assert.include(type, "application/x-protobuf")
        assert.include(body.toString("latin1"), "shop")
      }
    }).pipe(Effect.scoped)
  )

  it.live("does nothing without an endpoint", () =>
    Effect.gen(function* () {
      const collector = yield* makeCollector
      yield* run({ OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: " " })
      assert.isEmpty(collector.requests)
    }).pipe(Effect.scoped)
  )

  it.live(
    "does not wait for a collector that is gone",
    () =>
      Effect.gen(function* () {
        assert.isBelow(yield* elapsed(run({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" })), 8000)
      }),
    timed
  )

  it.live("refuses an endpoint or a protocol it cannot use, without repeating them", () =>
    Effect.gen(function* () {
      const wrong = [
        { OTEL_EXPORTER_OTLP_ENDPOINT: "user:secret@collector" },
        { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc secret" }
      ]
      for (const environment of wrong) {
        const error = yield* Effect.flip(run(environment))
        assert.strictEqual(error._tag, "SessionError")
        assert.include(String(error.message), "OTEL_EXPORTER_OTLP_")
        assert.notInclude(`${String(error)} ${JSON.stringify(error)}`, "secret")
      }
    })
  )
})
