import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Histogram, SECONDS_BOUNDS } from "../../../src/services/stats/Histogram.ts"

describe("Histogram", () => {
  it("counts a value at a bound in the bucket below it, as OpenTelemetry and Prometheus do", () => {
    const histogram = new Histogram([0.001, 0.01])
    for (const millis of [0, 1, 1.5, 10, 10.5, 1e9]) histogram.recordMillis(millis)
    assert.deepStrictEqual(Array.from(histogram.counts), [2, 2, 2])
  })

  it("puts every value into exactly one bucket, and sums the seconds", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000)), (values) => {
        const histogram = new Histogram()
        for (const millis of values) histogram.recordMillis(millis)
        const expected = [...SECONDS_BOUNDS, Number.POSITIVE_INFINITY].map((bound, index) => {
          const below = index === 0 ? Number.NEGATIVE_INFINITY : SECONDS_BOUNDS[index - 1]!
          return values.filter((millis) => millis / 1000 > below && millis / 1000 <= bound).length
        })
        assert.deepStrictEqual(Array.from(histogram.counts), expected)
        assert.strictEqual(histogram.count, values.length)
        assert.closeTo(histogram.sum, values.reduce((sum, millis) => sum + millis, 0) / 1000, 1e-6)
      })
    )
  })

  it("has rising bounds", () => {
    assert.deepStrictEqual(
      [...SECONDS_BOUNDS],
      SECONDS_BOUNDS.toSorted((a, b) => a - b)
    )
  })
})
