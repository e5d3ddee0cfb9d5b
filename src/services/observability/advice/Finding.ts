/** Findings: problems with their remedies, and the input of the rules that find them. */
import type { DatabaseView } from "../monitor/DatabaseView.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Settings } from "../../config/settings/Settings.ts"
import type { Load } from "../../config/LittlesLaw.ts"

/** `warning`: will cause failures; `critical`: causes failures now. */
export type Severity = "info" | "warning" | "critical"

/** The ids of all findings, in the order in which findings of the same severity are listed. */
export const findingIds = [
  "login-refused",
  "connection-timeouts",
  "too-many-connections",
  "pool-saturated",
  "max-above-ceiling",
  "sessions-leaked",
  "idle-in-transaction",
  "blocked-statements",
  "slow-statements",
  "idle-sessions-dropped",
  "monitor-restricted"
] as const

export type FindingId = (typeof findingIds)[number]

/** The result of a rule. */
export interface Advice {
  readonly id: FindingId
  readonly severity: Severity
  /** Without numbers, so that it stays the same. */
  readonly title: string
  /** The observation, with numbers and names. */
  readonly detail: string
  /** What to do, the most effective first. */
  readonly remedy: string
}

/** A finding; `since` is when it began, in wall-clock milliseconds. */
export interface Finding extends Advice {
  readonly since: number
}

/** A lease that exceeded the leak threshold. */
export interface SuspectedLeak {
  readonly sessionId: number
  readonly holder: string
}

/** The input of the advisor's rules. */
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
  readonly settings: Pick<
    Settings,
    "connectTimeout" | "statementTimeout" | "idleInTransactionTimeout" | "keepAlive" | "pool"
  >
}
