/**
 * The entry point `effect-supavisor/Observability`: health checks, metrics, database monitor, history and advice for a
 * pool. Each service runs in fibers of its own until the layer's scope closes.
 */
import * as Layer from "effect/Layer"
import { Advisor } from "../services/observability/Advisor.ts"
import { HealthCheck } from "../services/observability/HealthCheck.ts"
import { PoolMetrics } from "../services/observability/PoolMetrics.ts"
import { PoolHistory } from "../services/observability/PoolHistory.ts"
import { PostgresMonitor } from "../services/observability/PostgresMonitor.ts"
import type { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"

export { type Advice, Advisor, type Finding, type FindingId, findingIds } from "../services/observability/Advisor.ts"
export { HealthCheck } from "../services/observability/HealthCheck.ts"
export { type HistoryContents, type HistoryUpdate, PoolHistory } from "../services/observability/PoolHistory.ts"
export * as PoolLog from "../services/observability/PoolLog.ts"
export { PoolMetrics } from "../services/observability/PoolMetrics.ts"
export { type Observation, PostgresMonitor } from "../services/observability/PostgresMonitor.ts"
export type { DatabaseView } from "../services/observability/monitor/DatabaseView.ts"

/** The services that `layer` provides. */
export type Provided = HealthCheck | PoolMetrics | PostgresMonitor | Advisor | PoolHistory

/** Observes the pool; its services stop before the pool closes. */
export const layer: Layer.Layer<Provided, never, SessionPool | SessionConfig> = PoolHistory.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(HealthCheck.layer, PoolMetrics.layer, Advisor.layer.pipe(Layer.provideMerge(PostgresMonitor.layer)))
  )
)
