import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { formatBytes, formatMillis, formatRate, formatShare } from "../../../src/cli/terminal/Quantity.ts"

describe("Quantity", () => {
  it.each([
    [0, "0 ms"],
    [0.04, "0 ms"],
    [0.31, "0.3 ms"],
    [9.96, "10 ms"],
    [12.4, "12 ms"],
    [999.6, "1 s"],
    [1240, "1.2 s"],
    [59_400, "59 s"],
    [59_600, "1 min"],
    [7_980_000, "2 h 13 min"],
    [90_000_000, "1 d 1 h"],
    [-5, "0 ms"],
    [null, "-"],
    [undefined, "-"],
    [Number.NaN, "-"]
  ])("writes %s milliseconds as %s", (millis, text) => {
    assert.strictEqual(formatMillis(millis), text)
  })

  it("writes spans that grow as texts that are short and never shrink to a smaller unit", () => {
    const rank = (text: string): number => ["ms", "s", "min", "h", "d"].indexOf(text.split(" ")[1] ?? "")
    const span = fc.double({ min: 0, max: 1e10, noNaN: true })
    fc.assert(
      fc.property(span, span, (one, other) => {
        const [less, more] = [formatMillis(Math.min(one, other)), formatMillis(Math.max(one, other))]
        assert.isAtMost(less.length, 10)
        assert.isAtMost(rank(less), rank(more))
      })
    )
  })

  it("writes bytes, rates and shares with their unit", () => {
    assert.strictEqual(formatBytes(512), "512 B")
    assert.strictEqual(formatBytes(88_080_384), "84 MiB")
    assert.strictEqual(formatRate(0.31), "0.3/s")
    assert.strictEqual(formatRate(null), "-")
    assert.strictEqual(formatShare(0.031), "3 %")
  })
})
