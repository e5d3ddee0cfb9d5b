/** A histogram of operation times whose buckets are 2 % wide. */

/** Buckets per doubling: each is 2 % wider than the one before, which is the precision of a percentile. */
const PER_DOUBLING = 32

/** From a microsecond to two minutes are 27 doublings. */
const DOUBLINGS = 27

const MICROS_PER_MILLI = 1000

export class Recorder {
  operations = 0
  private readonly counts = new Uint32Array(PER_DOUBLING * DOUBLINGS + 1)

  record(millis: number): void {
    this.operations++
    const micros = Math.max(1, millis * MICROS_PER_MILLI)
    const bucket = Math.min(this.counts.length - 1, Math.floor(Math.log2(micros) * PER_DOUBLING))
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
  }

  /** The time in milliseconds within which this share of the operations completed, rounded up to a bucket. */
  percentile(part: number): number {
    let left = Math.ceil(this.operations * part)
    for (const [bucket, count] of this.counts.entries()) {
      left -= count
      if (left <= 0) return 2 ** ((bucket + 1) / PER_DOUBLING) / MICROS_PER_MILLI
    }
    return Number.NaN
  }

  get latency(): { readonly p50: number; readonly p95: number; readonly p99: number } {
    return { p50: this.percentile(0.5), p95: this.percentile(0.95), p99: this.percentile(0.99) }
  }
}
