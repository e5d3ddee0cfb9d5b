/** The client an application asks for, on the pool it is configured for. */
import * as Layer from "effect/Layer"
import type { SqlClient } from "effect/sql/SqlClient"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as PooledPgClient from "../services/sql/PooledPgClient.ts"
import type { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionError } from "../services/errors/SessionError.ts"
import { SessionPool } from "../services/pool/SessionPool.ts"
import { machineClockLayer } from "../services/wire/MonotonicClock.ts"
import { DriverOptions, type DriverOptionsShape } from "../services/session/DriverOptions.ts"

/** Options of the SQL client and of the wire driver; all optional. */
export interface PgClientOptions extends PooledPgClient.PgClientOptions, DriverOptionsShape {}

/** Provides `PgClient`, `SqlClient` and the scoped pool beneath them; fails as the start-up setting says. */
export const layer = (
  options: PgClientOptions = {}
): Layer.Layer<PgClient | SqlClient | SessionPool, SessionError, SessionConfig> =>
  PooledPgClient.layer(options).pipe(
    Layer.provideMerge(SessionPool.layer),
    Layer.provide([Layer.succeed(DriverOptions, options), machineClockLayer])
  )
