/** Quantiles of the difference between two states of a histogram. Pure. */
import type { Histogram } from "../../stats/Histogram.ts"
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

/** The quantiles in milliseconds. */
export const quantilesOf = (bounds: ReadonlyArray<number>, counted: HistogramCounts): Quantiles => {
  const millis = (q: number): number | null => {
    const seconds = quantile(bounds, counted, q)
    return seconds === undefined ? null : seconds * MILLIS_PER_SECOND
  }
  return { p50: millis(0.5), p95: millis(0.95), p99: millis(0.99) }
}
