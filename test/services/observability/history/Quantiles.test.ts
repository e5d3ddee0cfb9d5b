import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import {
  countsOf,
  countsSince,
  quantile,
  quantilesOf,
  totalOf
} from "../../../../src/services/observability/history/Interval.ts"
import { Histogram, SECONDS_BOUNDS } from "../../../../src/services/stats/Histogram.ts"

const MILLIS_PER_SECOND = 1000

const histogramOf = (millis: ReadonlyArray<number>): Histogram => {
  const histogram = new Histogram()
  for (const value of millis) histogram.recordMillis(value)
  return histogram
}

const countedOf = (millis: ReadonlyArray<number>) => countsOf([histogramOf(millis)], SECONDS_BOUNDS)

/** The bucket of a value, by its number; bounds belong to the bucket that they end. */
const bucketOf = (seconds: number): number => {
  const index = SECONDS_BOUNDS.findIndex((bound) => seconds <= bound)
  return index === -1 ? SECONDS_BOUNDS.length : index
}

const durations = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 20_000, noNaN: true })), {
  minLength: 1,
  maxLength: 200
})
const share = fc.double({ min: 0.01, max: 0.999, noNaN: true })

describe("a quantile of a histogram", () => {
  it("lies in the bucket of the value that has that rank, or at the last bound", () => {
    fc.assert(
      fc.property(durations, share, (millis, q) => {
        const rank = Math.max(1, Math.ceil(q * millis.length))
        const exact = (millis.toSorted((a, b) => a - b)[rank - 1] ?? 0) / MILLIS_PER_SECOND
        const found = quantile(SECONDS_BOUNDS, countedOf(millis), q) ?? -1
        const bucket = bucketOf(exact)
        assert.isAtLeast(found, bucket === 0 ? 0 : (SECONDS_BOUNDS[bucket - 1] ?? 0))
        assert.isAtMost(found, SECONDS_BOUNDS[bucket] ?? SECONDS_BOUNDS.at(-1) ?? 0)
      })
    )
  })

  it("never falls when the share grows", () => {
    fc.assert(
      fc.property(durations, share, share, (millis, one, other) => {
        const of = (q: number) => quantile(SECONDS_BOUNDS, countedOf(millis), q) ?? -1
        assert.isAtMost(of(Math.min(one, other)), of(Math.max(one, other)))
      })
    )
  })

  it("of the difference is that of the values in between", () => {
    fc.assert(
      fc.property(durations, durations, (before, since) => {
        const difference = countsSince(countedOf([...before, ...since]), countedOf(before))
        assert.deepStrictEqual(difference.counts, countedOf(since).counts)
        assert.closeTo(difference.sum, countedOf(since).sum, 1e-6)
        assert.strictEqual(totalOf(difference), since.length)
      })
    )
  })

  it("of several histograms is that of all values together", () => {
    fc.assert(
      fc.property(durations, durations, (one, other) => {
        const together = countsOf([histogramOf(one), histogramOf(other)], SECONDS_BOUNDS)
        assert.deepStrictEqual(together.counts, countedOf([...one, ...other]).counts)
      })
    )
  })

  it("is undefined where nothing was measured, and 0 where nothing took any time", () => {
    assert.deepStrictEqual(quantilesOf(SECONDS_BOUNDS, countedOf([])), { p50: null, p95: null, p99: null })
    assert.deepStrictEqual(quantilesOf(SECONDS_BOUNDS, countedOf([0, 0, 0])), { p50: 0, p95: 0, p99: 0 })
  })

  it("counts all values when the histogram was reset", () => {
    assert.deepStrictEqual(countsSince(countedOf([3]), countedOf([3, 4, 700])), countedOf([3]))
  })
})
