import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { BAR_MILLIS, barsOf, type Line, queryRate, spanOf, stacked, valuesOf } from "../../src/http/page/Columns.js"
import type { HistoryPoint } from "../../src/http/StatusSchema.ts"
import { pointFixture } from "../http/StatusFixtures.ts"

const layer = (value: Line["value"]): Line => ({ label: "layer", color: "used", kind: "layer", value })
const line = (value: Line["value"]): Line => ({ label: "line", color: "max", kind: "dotted", value })

const WINDOW_MILLIS = 900_000

const points: fc.Arbitrary<ReadonlyArray<HistoryPoint>> = fc
  .array(fc.record({ step: fc.integer({ min: 1, max: 5000 }), lost: fc.nat(3), dials: fc.nat(3) }), { maxLength: 60 })
  .map((steps) => {
    let at = 1_700_000_000_000
    return steps.map(({ dials, lost, step }) => {
      at += step
      return pointFixture({ at, dials, closes: lost === 0 ? {} : { lost } })
    })
  })

describe("columns of a chart", () => {
  it("layers are added to those after them, and lines are not", () => {
    const lines = [layer(() => 1), layer(() => 2), line(() => 5), layer(() => 3)]
    assert.deepStrictEqual(stacked(lines, valuesOf(lines, [pointFixture()])), [[6], [5], [5], [3]])
  })

  it("bars count every event once, within fixed boundaries", () => {
    fc.assert(
      fc.property(points, (points) => {
        const bars = barsOf(points)
        const sum = (of: ReadonlyArray<HistoryPoint>, value: (point: HistoryPoint) => number) =>
          of.reduce((total, point) => total + value(point), 0)
        assert.strictEqual(
          sum(bars, ({ dials }) => dials),
          sum(points, ({ dials }) => dials)
        )
        assert.strictEqual(
          sum(bars, ({ closes }) => closes.lost ?? 0),
          sum(points, ({ closes }) => closes.lost ?? 0)
        )
        assert.isTrue(bars.every(({ at }) => at % BAR_MILLIS === 0))
        assert.strictEqual(new Set(bars.map(({ at }) => at)).size, bars.length)
      })
    )
  })

  it("the span holds every point of the window, is two minutes at least and the window at most", () => {
    fc.assert(
      fc.property(points, (points) => {
        const { from, to } = spanOf(points, WINDOW_MILLIS, 1_700_000_000_000)
        assert.isTrue(points.every(({ at }) => at <= to && (at >= from || to - at > WINDOW_MILLIS)))
        assert.isAtLeast(to - from, 120_000)
        assert.isAtMost(to - from, WINDOW_MILLIS)
      })
    )
  })

  it("a rate refers to the time that has passed, and is absent without a step", () => {
    const before = pointFixture({ at: 10_000 })
    assert.strictEqual(queryRate(pointFixture({ at: 14_000, queries: 100 }), before), 25)
    assert.isNull(queryRate(pointFixture({ at: 10_002, queries: 100 }), before))
    assert.isNull(queryRate(before, undefined))
  })
})
