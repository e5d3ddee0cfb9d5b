/** A histogram with fixed bounds: a few additions per value, read by exporters on demand. */
import { MILLIS_PER_SECOND } from "../errors/Units.ts"

/** In seconds: OpenTelemetry's advice for `db.client.operation.duration`, used for all durations here. */
export const SECONDS_BOUNDS: ReadonlyArray<number> = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

export class Histogram {
  readonly bounds: ReadonlyArray<number>
  /** One count per bound, and one for values above the last bound. */
  readonly counts: Float64Array
  count = 0
  /** In seconds. */
  sum = 0
  /** The smallest value, in seconds; infinite while there is none. */
  min = Number.POSITIVE_INFINITY
  /** The largest value, in seconds. */
  max = 0

  constructor(bounds: ReadonlyArray<number> = SECONDS_BOUNDS) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  recordMillis(millis: number): void {
    const seconds = millis / MILLIS_PER_SECOND
    const bounds = this.bounds
    let index = 0
    while (index < bounds.length && seconds > bounds[index]!) index++
    this.counts[index]! += 1
    this.count++
    this.sum += seconds
    if (seconds < this.min) this.min = seconds
    if (seconds > this.max) this.max = seconds
  }
}
