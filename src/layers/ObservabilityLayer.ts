/** What watches over a pool while the layer's scope is open, as fibers of its own. */
import * as Layer from "effect/Layer"
import { Advisor } from "../services/observability/Advisor.ts"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { PoolMetrics } from "../services/observability/PoolMetrics.ts"
import { PoolHistory } from "../services/observability/PoolHistory.ts"
import { PostgresMonitor } from "../services/observability/PostgresMonitor.ts"
import type { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"

/** What is provided. */
export type Provided = HealthCheck | PoolMetrics | PostgresMonitor | Advisor | PoolHistory

/** Watches the pool it is given; ends with its scope, before the pool does. */
export const layer: Layer.Layer<Provided, never, SessionPool | SessionConfig> = PoolHistory.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(HealthCheck.layer, PoolMetrics.layer, Advisor.layer.pipe(Layer.provideMerge(PostgresMonitor.layer)))
  )
)
