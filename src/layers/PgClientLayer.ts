/** `PgClient` and `SqlClient` on a session pool. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { PgClient } from "@effect/sql-pg/PgClient"
import type { Listener } from "../services/sql/Listener.ts"
import * as PooledPgClient from "../services/sql/PooledPgClient.ts"
import type { SettingsInput } from "../services/config/settings/Settings.ts"
import * as PoolLog from "../services/observability/PoolLog.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import { SessionPool } from "../services/pool/SessionPool.ts"
import { machineClockLayer } from "../services/wire/MonotonicClock.ts"
import { DriverOptions, type DriverOptionsShape } from "../services/session/DriverOptions.ts"

/** Options of the SQL client and of the wire driver; all optional. */
export interface PgClientOptions extends PooledPgClient.PgClientOptions, DriverOptionsShape {}

/** Provides `PgClient`, `SqlClient`, `Listener` and their scoped pool; the setting `startup` decides when it fails. */
export const layer = (
  options: PgClientOptions = {}
): Layer.Layer<PgClient | SqlClient | Listener | SessionPool, SessionError, SessionConfig> =>
  PooledPgClient.layer(options).pipe(
    Layer.provideMerge(SessionPool.layer),
    Layer.provide([Layer.succeed(DriverOptions, options), machineClockLayer])
  )

/** A client with its own pool, open until the scope closes, and its log. Fails as `SupavisorLayer.layer` does. */
export const make = (
  settings: SettingsInput,
  options: PgClientOptions = {}
): Effect.Effect<PgClient, SessionError, Scope.Scope> =>
  PoolLog.layer.pipe(
    Layer.provide(machineClockLayer),
    Layer.provideMerge(layer(options)),
    Layer.provide(SessionConfig.layer(settings)),
    Layer.build,
    Effect.map(Context.get(PgClient))
  )
