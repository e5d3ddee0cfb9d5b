import { assert, describe, it } from "@effect/vitest"
import { formatMillis, formatRate, formatShare } from "../../../src/cli/terminal/Quantity.ts"

describe("Quantity", () => {
  it("writes durations as messages do, and a dash where nothing was measured", () => {
    const examples = [0, -5, 0.31, 12.4, 999.6, 59_600, 7_980_000, null, undefined, Number.NaN]
    assert.deepStrictEqual(examples.map(formatMillis), [
      "0 ms",
      "0 ms",
      "0.31 ms",
      "12 ms",
      "1.0 s",
      "1m 00s",
      "2h 13m",
      "-",
      "-",
      "-"
    ])
  })

  it("writes rates and shares with their unit", () => {
    assert.strictEqual(formatRate(0.31), "0.3/s")
    assert.strictEqual(formatRate(null), "-")
    assert.strictEqual(formatShare(0.031), "3 %")
  })
})
