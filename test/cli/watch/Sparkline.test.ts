import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { asciiBlocks, blocks, sparkline } from "../../../src/cli/watch/Frame.ts"

describe("a sparkline", () => {
  it("scales from zero to its top, and shows the newest values at the right", () => {
    assert.strictEqual(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8, blocks), "▁▂▃▄▅▆▇█")
    assert.strictEqual(sparkline([9, 9, 1, 5], 2, blocks, 10), "▂▅")
    assert.strictEqual(sparkline([7], 4, asciiBlocks), "   #")
  })

  it("leaves a gap where nothing was measured, and draws nothing but zero on the ground", () => {
    assert.strictEqual(sparkline([null, 0, 0.001, 1000], 4, blocks), " ▁▂█")
    assert.strictEqual(sparkline([0, 0], 2, blocks), "▁▁")
    assert.strictEqual(sparkline([], 3, blocks), "   ")
  })

  it("has the given width, and never shows a smaller value higher", () => {
    const values = fc.array(fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })), { maxLength: 40 })
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 40 }), (all, width) => {
        const drawn = sparkline(all, width, blocks)
        assert.strictEqual(drawn.length, width)
        const shown = all.slice(-width)
        const height = (index: number): number => blocks.indexOf(drawn[width - shown.length + index] ?? "")
        for (const [index, value] of shown.entries()) {
          for (const [other, larger] of shown.entries()) {
            if (value !== null && larger !== null && value <= larger) assert.isAtMost(height(index), height(other))
          }
        }
      })
    )
  })
})
