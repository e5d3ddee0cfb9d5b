/** What an application may tell the driver below the pool. */
import * as Context from "effect/Context"
import type { Registry } from "@effect/sql-pg/PgTypes"

/** Options of the wire driver that every session shares; all optional. */
export interface DriverOptionsShape {
  /** Codecs for types PostgreSQL does not bring along. */
  readonly types?: Registry | undefined
  /** How many statements one session keeps prepared; default 100. */
  readonly preparedStatementCacheSize?: number | undefined
  /** The largest server message in bytes; default 16 MiB. A larger row ends the session with a typed error. */
  readonly maxMessageSize?: number | undefined
}

/** The driver's options; nothing set by default. */
export const DriverOptions = Context.Reference<DriverOptionsShape>("effect-supavisor/DriverOptions", {
  defaultValue: () => ({})
})
