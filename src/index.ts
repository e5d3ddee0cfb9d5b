/**
 * What an application imports: the layers that provide a Postgres client, and the services behind them.
 *
 * Each module has a door of its own as well (`effect-supavisor/services/SessionPool`), which is quicker to load.
 */
export * as ConfigLayer from "./layers/ConfigLayer.ts"
export * as ObservabilityLayer from "./layers/ObservabilityLayer.ts"
export * as PgClientLayer from "./layers/PgClientLayer.ts"
export * as SupavisorLayer from "./layers/SupavisorLayer.ts"
export { Advisor, type Finding } from "./services/Advisor.ts"
export * as ConnectionString from "./services/ConnectionString.ts"
export { Doctor } from "./services/Doctor.ts"
export { HealthCheck } from "./services/HealthCheck.ts"
export { Inspector } from "./services/Inspector.ts"
export { isGap, Listener, type NotificationGap } from "./services/Listener.ts"
export { LoadObserver } from "./services/LoadObserver.ts"
export * as Pipelining from "./services/Pipelining.ts"
export * as PoolSizing from "./services/PoolSizing.ts"
export { PoolHistory } from "./services/PoolHistory.ts"
export { PostgresMonitor } from "./services/PostgresMonitor.ts"
export { SessionConfig, type Settings, type SettingsInput } from "./services/SessionConfig.ts"
export { SessionError } from "./services/SessionError.ts"
export { SessionPool } from "./services/SessionPool.ts"
