/**
 * The pool as metrics: OpenTelemetry's `db.client.connection.*` and `db.client.operation.duration`, and our own for what
 * those have no name for. `docs/metrics.md` lists them.
 *
 * They live in Effect's metric registry, so every exporter of Effect sees them. Values are read from the pool when an
 * exporter asks; a statement costs two readings of the clock and the additions of one histogram.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type { Definition } from "./metrics/Definition.ts"
import { FlushTelemetry } from "./metrics/FlushTelemetry.ts"
import { LoopDelay } from "./metrics/LoopDelay.ts"
import { prometheusText } from "./metrics/PrometheusText.ts"
import { Registered } from "./metrics/Registered.ts"
import { sessionMetrics } from "./metrics/SessionMetrics.ts"
import { standardMetrics } from "./metrics/StandardMetrics.ts"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import { SessionPool } from "../pool/SessionPool.ts"

/** Every metric of a pool. */
export const definitions: ReadonlyArray<Definition> = [...standardMetrics, ...sessionMetrics]

/** What of the pool is measured, for whoever wants to read it without an exporter. */
export class PoolMetrics extends Context.Service<
  PoolMetrics,
  {
    /**
     * Everything in Effect's metric registry, an application's own metrics too, in Prometheus' text format 0.0.4.
     * Durations are in seconds and named so, counters end in `_total`.
     */
    readonly prometheus: Effect.Effect<string>
  }
>()("effect-supavisor/PoolMetrics") {
  /** Measures the pool for as long as the layer is alive. Without it statements are not timed, and cost nothing more. */
  static readonly layer: Layer.Layer<PoolMetrics, never, SessionPool> = Layer.effect(
    PoolMetrics,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const times = yield* pool.times
      const context = yield* Effect.context<never>()
      const flush = yield* FlushTelemetry
      const now = monotonicMillis(yield* Clock.Clock)
      const loop = new LoopDelay(now)
      const look = Effect.all({ snapshot: pool.snapshot, ledger: pool.sessions })
      const registered = new Registered({
        definitions,
        common: { "db.client.connection.pool.name": pool.name },
        context,
        take: () => ({
          ...Effect.runSyncWith(context)(look),
          times,
          endpoint: pool.endpoint,
          loop: loop.read(),
          now: now()
        })
      })
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
