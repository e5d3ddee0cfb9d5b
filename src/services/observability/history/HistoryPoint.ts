/** One step of the pool's history. */
import type { HealthState } from "../health/Health.ts"
import type { CloseReason } from "../../pool/core/Snapshot.ts"
import { MILLIS_PER_MINUTE } from "../../errors/Units.ts"

/** The duration of a step, in milliseconds. */
export const STEP_MILLIS = 2000

/** The duration of the history, in milliseconds. */
export const WINDOW_MILLIS = 15 * MILLIS_PER_MINUTE

/** The pool at the end of a step, and the counts of the step. Durations are milliseconds, null without measurements. */
export interface HistoryPoint {
  /** Wall-clock milliseconds. */
  readonly at: number
  readonly idle: number
  readonly used: number
  readonly connecting: number
  readonly closing: number
  readonly waiting: number
  readonly max: number
  readonly ceiling: number
  readonly waitP50: number | null
  readonly waitP95: number | null
  readonly waitP99: number | null
  readonly queryP50: number | null
  readonly queryP95: number | null
  readonly queryP99: number | null
  /** Statements that ended in the step. */
  readonly queries: number
  readonly dials: number
  readonly dialFailures: number
  /** Sessions closed in the step by reason, without reasons that did not occur. */
  readonly closes: Partial<Record<CloseReason, number>>
  readonly health: Lowercase<HealthState["_tag"]>
  /** The share of one core that the process used. */
  readonly cpu: number
  readonly rssBytes: number
  readonly loopDelayP99Millis: number
}
