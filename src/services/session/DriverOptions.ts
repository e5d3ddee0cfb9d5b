/** Options of the wire driver below the pool. */
import * as Context from "effect/Context"
import type { Registry } from "@effect/sql-pg/PgTypes"

/** Options that every session shares; all optional. */
export interface DriverOptionsShape {
  /** Codecs for types that are not built into PostgreSQL. */
  readonly types?: Registry | undefined
  /** How many prepared statements one session keeps; default 100. */
  readonly preparedStatementCacheSize?: number | undefined
  /** The largest server message in bytes; default 16 MiB. A larger row ends the session with a typed error. */
  readonly maxMessageSize?: number | undefined
}

/** The driver's options; default: none. */
export const DriverOptions = Context.Reference<DriverOptionsShape>("effect-supavisor/services/session/DriverOptions", {
  defaultValue: () => ({})
})
