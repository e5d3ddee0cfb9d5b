/** The pool's totals at one instant, and the interval between two. Pure. */
import { SECONDS_BOUNDS } from "../../stats/Histogram.ts"
import type { PoolTimes } from "../../stats/PoolTimes.ts"
import type { CloseReason, PoolSnapshot } from "../../pool/core/Snapshot.ts"
import { type HistogramCounts, countsOf, countsSince, nothingMeasured, quantilesOf, totalOf } from "./Quantiles.ts"
import type { Quantiles } from "./HistorySchema.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Counts since the pool was created. */
export interface Totals {
  /** Monotonic milliseconds. */
  readonly now: number
  readonly wait: HistogramCounts
  /** Undefined while statements are not timed. */
  readonly query: HistogramCounts | undefined
  readonly dials: number
  readonly dialFailures: number
  readonly closed: Readonly<Record<CloseReason, number>>
}

/** The difference between two totals. */
export interface Interval {
  readonly wait: Quantiles
  readonly query: Quantiles
  readonly queries: number
  /** Null while statements are not timed. */
  readonly queriesPerSecond: number | null
  readonly dials: number
  readonly dialFailures: number
  readonly closes: Partial<Record<CloseReason, number>>
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

export const totalsOf = (times: PoolTimes, { counters }: PoolSnapshot, now: number): Totals => ({
  now,
  wait: countsOf([times.waitTime], SECONDS_BOUNDS),
  query:
    times.operations === undefined
      ? undefined
      : countsOf(
          Array.from(times.operations.series, ({ duration }) => duration),
          SECONDS_BOUNDS
        ),
  dials: counters.dialsStarted,
  dialFailures: sumOf(counters.dialsFailed),
  closed: { ...counters.closed }
})

const noCounts: HistogramCounts = { counts: [], sum: 0 }

const closesBetween = (before: Totals, after: Totals): Interval["closes"] =>
  Object.fromEntries(
    Object.entries(after.closed)
      .map(([reason, count]) => [reason, count - before.closed[reason as CloseReason]] as const)
      .filter(([, count]) => count > 0)
  )

export const intervalBetween = (before: Totals, after: Totals): Interval => {
  const query = after.query === undefined ? undefined : countsSince(after.query, before.query ?? noCounts)
  const queries = query === undefined ? 0 : totalOf(query)
  const seconds = (after.now - before.now) / MILLIS_PER_SECOND
  return {
    wait: quantilesOf(SECONDS_BOUNDS, countsSince(after.wait, before.wait)),
    query: query === undefined ? nothingMeasured : quantilesOf(SECONDS_BOUNDS, query),
    queries,
    queriesPerSecond: query === undefined || seconds <= 0 ? null : queries / seconds,
    dials: after.dials - before.dials,
    dialFailures: after.dialFailures - before.dialFailures,
    closes: closesBetween(before, after)
  }
}
