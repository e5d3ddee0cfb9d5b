/** Points as the columns that a chart draws: pure. */
import { MILLIS_PER_SECOND } from "./Format.js"

/** @import { Point } from "./Messages.ts" */

/** Dials and closes are rare: summed over so many milliseconds they are bars that can be seen. */
export const BAR_MILLIS = 10_000

/**
 * What a chart draws of one thing. `kind` says how: a line as it is, dashed or dotted, or a layer of a stack.
 *
 * @typedef {object} Line
 * @property {string} label
 * @property {string} color the name of a colour in the style sheet
 * @property {"solid" | "dashed" | "dotted" | "layer"} kind
 * @property {(point: Point, before: Point | undefined) => number | null} value of a point that comes after another one
 */

/** @typedef {Array<number | null>} Column */

/**
 * The values of each line, in the order of the points.
 *
 * @param {ReadonlyArray<Line>} lines
 * @param {ReadonlyArray<Point>} points
 * @returns {Array<Column>}
 */
export const valuesOf = (lines, points) =>
  lines.map(({ value }) => points.map((point, index) => value(point, points[index - 1])))

/**
 * Layers on top of each other, the last one lowest: each column becomes the sum of itself and all layers after it.
 *
 * @param {ReadonlyArray<Line>} lines
 * @param {ReadonlyArray<Column>} values
 * @returns {Array<Column>}
 */
export const stacked = (lines, values) => {
  /** @type {Array<number>} */
  const sums = []
  return values
    .map((column, index) => ({ column, isLayer: lines[index]?.kind === "layer" }))
    .toReversed()
    .map(({ column, isLayer }) =>
      isLayer
        ? column.map((value, row) => {
            const sum = (sums[row] ?? 0) + (value ?? 0)
            sums[row] = sum
            return sum
          })
        : column
    )
    .toReversed()
}

/**
 * Points whose counts are summed over ten seconds each, at instants that stay the same while time goes on.
 *
 * @param {ReadonlyArray<Point>} points
 * @returns {Array<Point>}
 */
export const barsOf = (points) => {
  /** @type {Map<number, Point>} */
  const bars = new Map()
  for (const point of points) {
    const at = Math.floor(point.at / BAR_MILLIS) * BAR_MILLIS
    const bar = bars.get(at)
    bars.set(
      at,
      bar === undefined
        ? { ...point, at }
        : {
            ...point,
            at,
            queries: bar.queries + point.queries,
            dials: bar.dials + point.dials,
            dialFailures: bar.dialFailures + point.dialFailures,
            closes: addCloses(bar.closes, point.closes)
          }
    )
  }
  return [...bars.values()]
}

/**
 * @param {Point["closes"]} one
 * @param {Point["closes"]} other
 * @returns {Point["closes"]}
 */
const addCloses = (one, other) => {
  /** @type {Record<string, number>} */
  const sum = { ...one }
  for (const [reason, closes] of Object.entries(other)) sum[reason] = (sum[reason] ?? 0) + closes
  return sum
}

/** Steps shorter than this, in milliseconds, come from a clock that was set: a rate would mean nothing. */
const MIN_STEP_MILLIS = 500

/**
 * Queries per second since the point before; null where there is none.
 *
 * @param {Point} point
 * @param {Point | undefined} before
 */
export const queryRate = ({ at, queries }, before) => {
  const millis = before === undefined ? 0 : at - before.at
  return millis < MIN_STEP_MILLIS ? null : (queries * MILLIS_PER_SECOND) / millis
}

/** The shortest time a chart shows, in milliseconds: a page that was opened at the start is not empty for minutes. */
const MIN_SPAN_MILLIS = 120_000

/**
 * From when to when the charts go: all that there is, at least two minutes, at most the window.
 *
 * @param {ReadonlyArray<Point>} points
 * @param {number} windowMillis
 * @param {number} now
 * @returns {{ readonly from: number, readonly to: number }}
 */
export const spanOf = (points, windowMillis, now) => {
  const first = points[0]?.at ?? now
  const to = points.at(-1)?.at ?? now
  return { from: Math.max(to - windowMillis, Math.min(first, to - MIN_SPAN_MILLIS)), to }
}
