/**
 * What an application imports: the layers that provide a Postgres client, and the services behind them.
 *
 * Most of them are entry points of their own too (`effect-supavisor/SessionPool`), which load faster.
 */
export * as ConfigLayer from "./layers/ConfigLayer.ts"
export * as Observability from "./layers/ObservabilityLayer.ts"
export * as PgClientLayer from "./layers/PgClientLayer.ts"
export * as SupavisorLayer from "./layers/SupavisorLayer.ts"
export * as ConnectionString from "./services/config/ConnectionString.ts"
export { Doctor } from "./services/doctor/Doctor.ts"
export { Inspector } from "./services/inspect/Inspector.ts"
export { type ChannelEvent, isGap, Listener, type NotificationGap } from "./services/sql/Listener.ts"
export { LoadObserver } from "./services/inspect/LoadObserver.ts"
export * as Pipelining from "./services/sql/Pipelining.ts"
export * as PoolSizing from "./services/config/PoolSizing.ts"
export { SessionConfig, type Settings, type SettingsInput } from "./services/config/SessionConfig.ts"
export { SessionError } from "./services/errors/SessionError.ts"
export { SessionPool } from "./services/pool/SessionPool.ts"
export * as Transactions from "./services/sql/Transactions.ts"
