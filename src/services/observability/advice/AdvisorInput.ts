/** The input of the advisor's rules. */
import type { DatabaseView } from "../monitor/DatabaseView.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Settings } from "../../config/settings/Settings.ts"
import type { Load } from "../../config/LittlesLaw.ts"

/** A lease that exceeded the leak threshold. */
export interface SuspectedLeak {
  readonly sessionId: number
  readonly holder: string
}

/** The settings that the rules use. */
export type ComparedSettings = Pick<
  Settings,
  "connectTimeout" | "statementTimeout" | "idleInTransactionTimeout" | "keepAlive" | "pool"
>

export interface AdvisorInput {
  readonly pool: PoolSnapshot
  /** The pool at the start of the window in which counters are compared, at most a minute ago. */
  readonly before: PoolSnapshot
  /** The load since then. */
  readonly load: Load
  readonly sessions: ReadonlyArray<SessionEntry>
  /** The last result of the monitor; undefined when there is no recent one. */
  readonly database: DatabaseView | undefined
  /** The last ten minutes, oldest first. */
  readonly events: ReadonlyArray<PoolEvent>
  readonly suspectedLeaks: ReadonlyArray<SuspectedLeak>
  readonly settings: ComparedSettings
}
