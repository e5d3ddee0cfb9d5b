/** The pool's totals at one instant, and the interval between two. Pure. */
import { SECONDS_BOUNDS, type Histogram } from "../../stats/Histogram.ts"
import type { PoolTimes } from "../../stats/PoolTimes.ts"
import type { CloseReason, PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { Quantiles } from "./HistorySchema.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** The counts of histograms with the same bounds at one instant. */
export interface HistogramCounts {
  /** One count for each bound and one for larger values. */
  readonly counts: ReadonlyArray<number>
  /** In seconds. */
  readonly sum: number
}

export const nothingMeasured: Quantiles = { p50: null, p95: null, p99: null }

/** The sum of the histograms' counts. They must have these bounds. */
export const countsOf = (histograms: Iterable<Histogram>, bounds: ReadonlyArray<number>): HistogramCounts => {
  const counts = Array.from({ length: bounds.length + 1 }, () => 0)
  let sum = 0
  for (const histogram of histograms) {
    histogram.counts.forEach((count, index) => (counts[index] = (counts[index] ?? 0) + count))
    sum += histogram.sum
  }
  return { counts, sum }
}

/** The counts since `before`; all counts when the histogram was reset in between. */
export const countsSince = (after: HistogramCounts, before: HistogramCounts): HistogramCounts => {
  const counts = after.counts.map((count, index) => count - (before.counts[index] ?? 0))
  return counts.some((count) => count < 0) ? after : { counts, sum: Math.max(0, after.sum - before.sum) }
}

export const totalOf = ({ counts }: HistogramCounts): number => counts.reduce((total, count) => total + count, 0)

/**
 * A quantile in seconds, interpolated within its bucket; larger values count as the last bound
 * (Prometheus docs, `histogram_quantile`). Undefined without values.
 *
 * A share of 1 - q of the values is not below the quantile, so the quantile is at most the sum divided by that many
 * values. Without this limit, waits of 0 would be shown as half of the first bucket.
 */
export const quantile = (bounds: ReadonlyArray<number>, counted: HistogramCounts, q: number): number | undefined => {
  const total = totalOf(counted)
  if (total === 0) return undefined
  const rank = Math.max(1, q * total)
  let below = 0
  let index = 0
  while (index < bounds.length && below + (counted.counts[index] ?? 0) < rank) below += counted.counts[index++] ?? 0
  const lower = bounds[index - 1] ?? 0
  const upper = bounds[index]
  if (upper === undefined) return lower
  const within = lower + ((upper - lower) * (rank - below)) / (counted.counts[index] ?? 1)
  return Math.max(lower, Math.min(within, counted.sum / (total - rank + 1)))
}

export const quantilesOf = (bounds: ReadonlyArray<number>, counted: HistogramCounts): Quantiles => {
  const millis = (q: number): number | null => {
    const seconds = quantile(bounds, counted, q)
    return seconds === undefined ? null : seconds * MILLIS_PER_SECOND
  }
  return { p50: millis(0.5), p95: millis(0.95), p99: millis(0.99) }
}

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
