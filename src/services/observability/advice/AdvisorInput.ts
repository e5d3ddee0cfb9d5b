/** Everything the rules judge, at one instant: the pool now and a while ago, its sessions, its events, the database. */
import type { DatabaseView } from "../monitor/DatabaseView.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Settings } from "../../config/settings/Settings.ts"
import type { Load } from "../../config/LittlesLaw.ts"

/** A lease that the pool suspects of never coming back. */
export interface SuspectedLeak {
  readonly sessionId: number
  readonly holder: string
}

/** The settings that the rules compare with and name. */
export type ComparedSettings = Pick<
  Settings,
  "connectTimeout" | "statementTimeout" | "idleInTransactionTimeout" | "keepAlive" | "pool"
>

/** What is judged. */
export interface AdvisorInput {
  readonly pool: PoolSnapshot
  /** The pool at the beginning of the window in which its counters are compared, a minute ago when it is as old. */
  readonly before: PoolSnapshot
  /** What came and went since then. */
  readonly load: Load
  readonly sessions: ReadonlyArray<SessionEntry>
  /** The last look at the database, when there is a recent one. */
  readonly database: DatabaseView | undefined
  /** What happened in the last ten minutes, oldest first. */
  readonly events: ReadonlyArray<PoolEvent>
  readonly suspectedLeaks: ReadonlyArray<SuspectedLeak>
  readonly settings: ComparedSettings
}
