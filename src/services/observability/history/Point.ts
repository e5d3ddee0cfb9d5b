/** One step of the pool's history, as charts draw it. */
import type { HealthState } from "../health/Health.ts"
import type { CloseReason } from "../../pool/core/Snapshot.ts"
import { MILLIS_PER_MINUTE } from "../../errors/Units.ts"

/** How often a point is taken, in milliseconds: a burst of seconds is seen, and 15 minutes are a few hundred points. */
export const STEP_MILLIS = 2000

/** How far the history goes back, in milliseconds. */
export const WINDOW_MILLIS = 15 * MILLIS_PER_MINUTE

/** The pool at the end of a step, and what happened in it. Times are milliseconds, null where nothing was measured. */
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
  /** Sessions closed in the step, by reason; reasons without any are left out. */
  readonly closes: Partial<Record<CloseReason, number>>
  readonly health: Lowercase<HealthState["_tag"]>
  /** The share of one core that this process used. */
  readonly cpu: number
  readonly rssBytes: number
  readonly loopDelayP99Millis: number
}
