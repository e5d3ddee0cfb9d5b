/** The layers for applications: `PgClient` and `SqlClient` on a session pool, with its log. */
import type * as Config from "effect/Config"
import * as Layer from "effect/Layer"
import type { PgClient } from "@effect/sql-pg/PgClient"
import type { SqlClient } from "effect/sql/SqlClient"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import type { SettingsInput } from "../services/config/settings/Settings.ts"
import * as PoolLog from "../services/observability/PoolLog.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"
import type { Listener } from "../services/sql/Listener.ts"
import { machineClockLayer } from "../services/wire/MonotonicClock.ts"
import * as PgClientLayer from "./PgClientLayer.ts"

/** The services that the layers provide. */
export type Provided = PgClient | SqlClient | Listener | SessionPool | SessionConfig

/** Options of the SQL client and of the wire driver; all optional. */
export type SupavisorOptions = PgClientLayer.PgClientOptions

/** With a `SessionConfig` from the context. */
export const layerNoConfig = (
  options: SupavisorOptions = {}
): Layer.Layer<PgClient | SqlClient | Listener | SessionPool, SessionError, SessionConfig> =>
  PoolLog.layer.pipe(Layer.provide(machineClockLayer), Layer.provideMerge(PgClientLayer.layer(options)))

/** With settings in code: `SupavisorLayer.layer({ url })`. */
export const layer = (settings: SettingsInput, options: SupavisorOptions = {}): Layer.Layer<Provided, SessionError> =>
  layerNoConfig(options).pipe(Layer.provideMerge(SessionConfig.layer(settings)))

/** With settings from an Effect `Config`: `SupavisorLayer.layerConfig({ url: Config.Redacted("MY_URL") })`. */
export const layerConfig = (
  config: Config.Wrap<SettingsInput>,
  options: SupavisorOptions = {}
): Layer.Layer<Provided, SessionError | Config.ConfigError> =>
  layerNoConfig(options).pipe(Layer.provideMerge(SessionConfig.layerConfig(config)))

/** With settings from the environment: `SUPABASE_SESSION_POOLER` and the `DB_*` variables. */
export const layerEnv = (options: SupavisorOptions = {}): Layer.Layer<Provided, SessionError> =>
  layerNoConfig(options).pipe(Layer.provideMerge(SessionConfig.layerEnv))
