/**
 * The pool's metrics: OpenTelemetry's `db.client.connection.*` and `db.client.operation.duration`, and own metrics for
 * what OpenTelemetry does not define. `docs/metrics.md` lists them.
 *
 * They are in Effect's metric registry, so every exporter of Effect sees them. Values are read from the pool when an
 * exporter reads them; a statement costs two clock readings and the additions of one histogram.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { MetricDefinition } from "./metrics/MetricDefinition.ts"
import { LoopDelay } from "./metrics/LoopDelay.ts"
import { prometheusText } from "./metrics/PrometheusText.ts"
import { RegisteredMetrics } from "./metrics/RegisteredMetrics.ts"
import { sessionMetrics } from "./metrics/SessionMetrics.ts"
import { standardMetrics } from "./metrics/StandardMetrics.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { SessionPool } from "../pool/SessionPool.ts"

/** Exports the last values before the metrics are removed, within a time limit; does nothing without an exporter. */
export const FlushTelemetry = Context.Reference<Effect.Effect<void>>("effect-supavisor/FlushTelemetry", {
  defaultValue: () => Effect.void
})

/** Every metric of a pool. */
export const definitions: ReadonlyArray<MetricDefinition> = [...standardMetrics, ...sessionMetrics]

/** Measures the pool; the values can be read without an exporter. */
export class PoolMetrics extends Context.Service<
  PoolMetrics,
  {
    /** Effect's whole registry in Prometheus' text format 0.0.4: durations end in `_seconds`, counters in `_total`. */
    readonly prometheus: Effect.Effect<string>
  }
>()("effect-supavisor/PoolMetrics") {
  /** Measures the pool until the layer's scope closes. Without this layer, statements are not timed. */
  static readonly layer: Layer.Layer<PoolMetrics, never, SessionPool> = Layer.effect(
    PoolMetrics,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const times = yield* pool.times
      const context = yield* Effect.context<never>()
      const flush = yield* FlushTelemetry
      const now = monotonicMillis(yield* Clock.Clock)
      const loop = new LoopDelay(now)
      const readPool = Effect.all({ snapshot: pool.snapshot, sessions: pool.sessions })
      const attributes = { "db.client.connection.pool.name": pool.name }
      const registered = new RegisteredMetrics(definitions, attributes, context, () => ({
        ...Effect.runSyncWith(context)(readPool),
        times,
        endpoint: pool.endpoint,
        loop: loop.read(),
        now: now()
      }))
      const operations = times.measureOperations()
      operations.onSeries = () => registered.update()
      yield* Effect.addFinalizer(() =>
        Effect.andThen(
          flush,
          Effect.sync(() => {
            times.operations = undefined
            registered.remove()
            loop.stop()
          })
        )
      )
      return { prometheus: Effect.sync(() => prometheusText(Metric.snapshotUnsafe(context))) }
    })
  )
}
