/** What a login leaves to the session it made. */
import type * as Context from "effect/Context"
import type * as Scope from "effect/Scope"
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import type { SessionInfo } from "./Session.ts"
import type { Endpoint, Wire } from "../wire/Transport.ts"
import type { DriverOptionsShape } from "./DriverOptions.ts"
import type { SessionSettings } from "./SessionSettings.ts"

export interface PgSessionParts {
  readonly info: SessionInfo
  readonly endpoint: Endpoint
  readonly wire: Wire
  readonly connection: PgConnection
  readonly scope: Scope.Closeable
  readonly settings: SessionSettings
  readonly driver: DriverOptionsShape
  /** Whether statements may be named on the server. */
  readonly named: boolean
  readonly context: Context.Context<never>
  readonly now: () => number
}
