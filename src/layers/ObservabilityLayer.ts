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

export {
  type Advice,
  Advisor,
  type Finding,
  type FindingId,
  findingIds,
  type Severity
} from "../services/observability/Advisor.ts"
export { HealthCheck } from "../services/observability/HealthCheck.ts"
export {
  type EventLevel,
  type HistoryEvent,
  type HistoryPoint,
  type HistoryContents,
  type HistoryUpdate,
  PoolHistory,
  type ProcessView
} from "../services/observability/PoolHistory.ts"
export * as PoolLog from "../services/observability/PoolLog.ts"
export { PoolMetrics } from "../services/observability/PoolMetrics.ts"
export {
  type Backend,
  type BackendState,
  type BlockedBackend,
  type DatabaseView,
  type Observation,
  type Owner,
  PostgresMonitor
} from "../services/observability/PostgresMonitor.ts"

/** The services that `layer` provides. */
export type Provided = HealthCheck | PoolMetrics | PostgresMonitor | Advisor | PoolHistory

/** Observes the pool; its services stop before the pool closes. */
export const layer: Layer.Layer<Provided, never, SessionPool | SessionConfig> = PoolHistory.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(HealthCheck.layer, PoolMetrics.layer, Advisor.layer.pipe(Layer.provideMerge(PostgresMonitor.layer)))
  )
)
