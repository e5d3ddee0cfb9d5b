import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { formatPercent, formatBytes, formatSpan } from "../../../../src/services/inspect/checks/Format.ts"

describe("The formats", () => {
  it("show a duration in its two largest units", () => {
    const spans = [0, 0.4, 850, 999.6, 1000, 4250, 9960, 59_499, 60_000, 200_000, 3_599_999, 3_600_000, 190_000_000]
    assert.deepStrictEqual(spans.map(formatSpan), [
      "0 ms",
      "0 ms",
      "850 ms",
      "1000 ms",
      "1 s",
      "4.3 s",
      "10 s",
      "59 s",
      "1 min",
      "3 min 20 s",
      "1 h",
      "1 h",
      "2 d 4 h"
    ])
  })

  it("show a size like pg_size_pretty, and never 1024 of a unit", () => {
    const sizes = [0, 1023, 1024, 8192, 1536, 10_240, 1_048_575, 1_048_576, 24_100_864, 1.5 * 1024 ** 3]
    assert.deepStrictEqual(sizes.map(formatBytes), [
      "0 B",
      "1023 B",
      "1 kB",
      "8 kB",
      "1.5 kB",
      "10 kB",
      "1 MB",
      "1 MB",
      "23 MB",
      "1.5 GB"
    ])
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 59, noNaN: true }), (bytes) => {
        assert.isBelow(Number.parseFloat(formatBytes(bytes)), 1024 + 1)
        assert.notMatch(formatBytes(bytes), /^1024 /)
      })
    )
  })

  it("show shares in percent", () => {
    assert.deepStrictEqual([0, 0.9401, 1].map(formatPercent), ["0 %", "94 %", "100 %"])
  })
})
