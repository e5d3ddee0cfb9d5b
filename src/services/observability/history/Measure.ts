/** What has been counted up to an instant, and what happened between two of them: pure. */
import { SECONDS_BOUNDS } from "../../stats/Histogram.ts"
import type { PoolTimes } from "../../stats/PoolTimes.ts"
import type { CloseReason, PoolSnapshot } from "../../pool/core/Snapshot.ts"
import {
  type Counted,
  counted,
  countedSince,
  nothingMeasured,
  type Quantiles,
  quantilesOf,
  totalOf
} from "./Quantiles.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Counts since the pool was made. */
export interface Measure {
  /** Monotonic milliseconds. */
  readonly now: number
  readonly wait: Counted
  /** Undefined while statements are not timed. */
  readonly query: Counted | undefined
  readonly dials: number
  readonly dialFailures: number
  readonly closed: Readonly<Record<CloseReason, number>>
}

/** What happened between two looks. */
export interface Step {
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

export const measureOf = (times: PoolTimes, { counters }: PoolSnapshot, now: number): Measure => ({
  now,
  wait: counted([times.waitTime], SECONDS_BOUNDS),
  query:
    times.operations === undefined
      ? undefined
      : counted(
          Array.from(times.operations.series, ({ duration }) => duration),
          SECONDS_BOUNDS
        ),
  dials: counters.dialsStarted,
  dialFailures: sumOf(counters.dialsFailed),
  closed: { ...counters.closed }
})

const nothing: Counted = { counts: [], sum: 0 }

const closesBetween = (before: Measure, after: Measure): Step["closes"] =>
  Object.fromEntries(
    Object.entries(after.closed)
      .map(([reason, count]) => [reason, count - before.closed[reason as CloseReason]] as const)
      .filter(([, count]) => count > 0)
  )

export const stepBetween = (before: Measure, after: Measure): Step => {
  const query = after.query === undefined ? undefined : countedSince(after.query, before.query ?? nothing)
  const queries = query === undefined ? 0 : totalOf(query)
  const seconds = (after.now - before.now) / MILLIS_PER_SECOND
  return {
    wait: quantilesOf(SECONDS_BOUNDS, countedSince(after.wait, before.wait)),
    query: query === undefined ? nothingMeasured : quantilesOf(SECONDS_BOUNDS, query),
    queries,
    queriesPerSecond: query === undefined || seconds <= 0 ? null : queries / seconds,
    dials: after.dials - before.dials,
    dialFailures: after.dialFailures - before.dialFailures,
    closes: closesBetween(before, after)
  }
}
