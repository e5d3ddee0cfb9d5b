/** A metric as the table of metrics defines it, and what a scrape finds for it. */
import type { Histogram } from "../../stats/Histogram.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import type { PoolTimes } from "../../stats/PoolTimes.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { DatabaseEndpoint } from "../../session/Session.ts"
import type { LoopDelays } from "./LoopDelay.ts"

/** Everything that metrics are read from, taken at one instant. */
export interface Reading {
  readonly snapshot: PoolSnapshot
  readonly sessions: ReadonlyArray<SessionEntry>
  readonly times: PoolTimes
  readonly endpoint: DatabaseEndpoint
  readonly loop: LoopDelays
  /** Monotonic milliseconds, on the clock of the pool. */
  readonly now: number
}

/** OpenTelemetry's instruments (OpenTelemetry specification, metrics API). */
export type Instrument = "Counter" | "UpDownCounter" | "Gauge" | "Histogram"

/** Attributes of a series, in OpenTelemetry's spelling. */
export type Attributes = Readonly<Record<string, string>>

/** One series of a metric at one instant. */
export interface Series {
  readonly attributes: Attributes
  readonly value: number | Histogram
}

/** One metric. */
export interface MetricDefinition {
  readonly name: string
  readonly instrument: Instrument
  /** As in OpenTelemetry: `s` for seconds, a word in braces for things that are counted. */
  readonly unit: string
  readonly description: string
  /** Names of the attributes that series differ by, beside the pool's name, and what they can be. */
  readonly attributes: Readonly<Record<string, string>>
  /** Bounds of a histogram, in its unit. */
  readonly bounds?: ReadonlyArray<number>
  /** Where the value comes from, for the reader of the documentation. */
  readonly source: string
  readonly observe: (reading: Reading) => ReadonlyArray<Series>
}

/** The one series of a metric that has no attributes of its own. */
export const single = (value: number | Histogram): ReadonlyArray<Series> => [{ attributes: {}, value }]

/** One series per key of a record. */
export const each = (attribute: string, record: Readonly<Record<string, number | Histogram>>): ReadonlyArray<Series> =>
  Object.entries(record).map(([key, value]) => ({ attributes: { [attribute]: key }, value }))
