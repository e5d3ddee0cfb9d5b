/** The history as `/status` and `/events` send it, in milliseconds, null where nothing was measured. */
import * as Schema from "effect/Schema"
import { MILLIS_PER_MINUTE } from "../../errors/Units.ts"

/** The duration of a step, in milliseconds. */
export const STEP_MILLIS = 2000

/** The duration of the history, in milliseconds. */
export const WINDOW_MILLIS = 15 * MILLIS_PER_MINUTE

const { Number, String } = Schema

export const Measured = Schema.NullOr(Number)

export const Counts = Schema.Record(String, Number)

export const Quantiles = Schema.Struct({ p50: Measured, p95: Measured, p99: Measured })

export type Quantiles = typeof Quantiles.Type

export const HistoryPoint = Schema.Struct({
  at: Number,
  idle: Number,
  used: Number,
  connecting: Number,
  closing: Number,
  waiting: Number,
  max: Number,
  ceiling: Number,
  waitP50: Measured,
  waitP95: Measured,
  waitP99: Measured,
  queryP50: Measured,
  queryP95: Measured,
  queryP99: Measured,
  /** Statements that ended in the step. */
  queries: Number,
  dials: Number,
  dialFailures: Number,
  /** Sessions closed in the step by reason, without reasons that did not occur. */
  closes: Counts,
  health: String,
  /** The share of one core that the process used. */
  cpu: Number,
  rssBytes: Number,
  loopDelayP99Millis: Number
})

/** The pool at the end of a step, and the counts of the step. */
export type HistoryPoint = typeof HistoryPoint.Type

/** `level` is `info`, `warn` or `error`. */
export const HistoryEvent = Schema.Struct({ at: Number, tag: String, level: String, text: String })

/** One event as a line of text without secrets. */
export type HistoryEvent = typeof HistoryEvent.Type

export const ProcessView = Schema.Struct({
  pid: Number,
  nodeVersion: String,
  uptimeSeconds: Number,
  /** The share of one core used in the last step; since the start of the process before the first step. */
  cpu: Number,
  rssBytes: Number,
  heapUsedBytes: Number,
  heapTotalBytes: Number,
  loopDelayP50Millis: Number,
  loopDelayP99Millis: Number
})

/** The process at one instant. */
export type ProcessView = typeof ProcessView.Type
