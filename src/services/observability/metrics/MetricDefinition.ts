/** The definition of a metric and the values it is read from. */
import type { Histogram } from "../../stats/Histogram.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"
import type { PoolTimes } from "../../stats/PoolTimes.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { DatabaseEndpoint } from "../../session/Session.ts"
import type { LoopDelays } from "./LoopDelay.ts"

/** The values of all metrics at one instant. */
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

export interface Series {
  readonly attributes: Attributes
  readonly value: number | Histogram
}

export interface MetricDefinition {
  readonly name: string
  readonly instrument: Instrument
  /** As in OpenTelemetry: `s` for seconds, a word in braces for counts. */
  readonly unit: string
  readonly description: string
  /** The attributes beside the pool's name, with their values. */
  readonly attributes: Readonly<Record<string, string>>
  /** Bounds of a histogram, in its unit. */
  readonly bounds?: ReadonlyArray<number>
  /** Where the value comes from, for the documentation. */
  readonly source: string
  readonly observe: (reading: Reading) => ReadonlyArray<Series>
}

/** The series of a metric without attributes. */
export const single = (value: number | Histogram): ReadonlyArray<Series> => [{ attributes: {}, value }]

/** One series for each key of a record. */
export const each = (attribute: string, record: Readonly<Record<string, number | Histogram>>): ReadonlyArray<Series> =>
  Object.entries(record).map(([key, value]) => ({ attributes: { [attribute]: key }, value }))
