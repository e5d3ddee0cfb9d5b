/** All of it: what an application provides to get `PgClient | SqlClient` over a session pool that is looked after. */
import type * as Config from "effect/Config"
import * as Layer from "effect/Layer"
import type { PgClient } from "@effect/sql-pg/PgClient"
import type { SqlClient } from "effect/sql/SqlClient"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import type { SettingsInput } from "../services/config/settings/Settings.ts"
import * as PoolLog from "../services/observability/PoolLog.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"
import { machineClockLayer } from "../services/wire/MonotonicClock.ts"
import * as PgClientLayer from "./PgClientLayer.ts"

/** What is provided. */
export type Provided = PgClient | SqlClient | SessionPool | SessionConfig

/** Options of the SQL client and of the wire driver; all optional. */
export type SupavisorOptions = PgClientLayer.PgClientOptions

/** The client and the pool over a configuration that stands already. */
export const layerNoConfig = (
  options: SupavisorOptions = {}
): Layer.Layer<PgClient | SqlClient | SessionPool, SessionError, SessionConfig> =>
  PoolLog.layer.pipe(Layer.provide(machineClockLayer), Layer.provideMerge(PgClientLayer.layer(options)))

/** Configured in code: `SupavisorLayer.layer({ url })`. */
export const layer = (settings: SettingsInput, options: SupavisorOptions = {}): Layer.Layer<Provided, SessionError> =>
  layerNoConfig(options).pipe(Layer.provideMerge(SessionConfig.layer(settings)))

/** Configured by an Effect `Config`, or an object of `Config`s: `SupavisorLayer.layerConfig({ url: Config.Redacted("MY_URL") })`. */
export const layerConfig = (
  config: Config.Wrap<SettingsInput>,
  options: SupavisorOptions = {}
): Layer.Layer<Provided, SessionError | Config.ConfigError> =>
  layerNoConfig(options).pipe(Layer.provideMerge(SessionConfig.layerConfig(config)))

/** Configured by the environment, `SUPABASE_SESSION_POOLER` and the rest. */
export const layerEnv = (options: SupavisorOptions = {}): Layer.Layer<Provided, SessionError> =>
  layerNoConfig(options).pipe(Layer.provideMerge(SessionConfig.layerEnv))
