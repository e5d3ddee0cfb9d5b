/** The points of the history as columns of values. Pure. */
import { MILLIS_PER_SECOND } from "./Format.js"

/** @import { HistoryPoint } from "../StatusSchema.ts" */

/** Dials and closes are rare; they are summed over this many milliseconds. */
export const BAR_MILLIS = 10_000

/**
 * One line of a chart, or one layer of a stack.
 * @typedef {object} Line
 * @property {string} label
 * @property {string} color its name in the style sheet
 * @property {"solid" | "dashed" | "dotted" | "layer"} kind
 * @property {(point: HistoryPoint, before: HistoryPoint | undefined) => number | null} value of a point; `before` is the previous point
 */

/** @typedef {Array<number | null>} Column */

// The values of each line, in the order of the points.
/** @type {(lines: ReadonlyArray<Line>, points: ReadonlyArray<HistoryPoint>) => Array<Column>} */
export const valuesOf = (lines, points) =>
  lines.map(({ value }) => points.map((point, index) => value(point, points[index - 1])))

// Layers on top of each other, the last one lowest: each column becomes the sum of itself and all layers after it.
/** @type {(lines: ReadonlyArray<Line>, values: ReadonlyArray<Column>) => Array<Column>} */
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

// Points with counts summed over ten seconds each. The boundaries are fixed, so bars do not change while time passes.
/** @type {(points: ReadonlyArray<HistoryPoint>) => Array<HistoryPoint>} */
export const barsOf = (points) => {
  /** @type {Map<number, HistoryPoint>} */
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

/** @type {(one: HistoryPoint["closes"], other: HistoryPoint["closes"]) => HistoryPoint["closes"]} */
const addCloses = (one, other) => {
  /** @type {Record<string, number>} */
  const sum = { ...one }
  for (const [reason, closes] of Object.entries(other)) sum[reason] = (sum[reason] ?? 0) + closes
  return sum
}

/** Shorter steps, in milliseconds, are caused by a change of the clock and give no rate. */
const MIN_STEP_MILLIS = 500

// Queries per second since the previous point; null for the first point.
/** @type {(point: HistoryPoint, before: HistoryPoint | undefined) => number | null} */
export const queryRate = ({ at, queries }, before) => {
  const millis = before === undefined ? 0 : at - before.at
  return millis < MIN_STEP_MILLIS ? null : (queries * MILLIS_PER_SECOND) / millis
}

/** The shortest period of the charts, in milliseconds. */
const MIN_SPAN_MILLIS = 120_000

// The period of the charts: the whole history, at least two minutes, at most the window.
/** @type {(points: ReadonlyArray<HistoryPoint>, windowMillis: number, now: number) => { from: number, to: number }} */
export const spanOf = (points, windowMillis, now) => {
  const first = points[0]?.at ?? now
  const to = points.at(-1)?.at ?? now
  return { from: Math.max(to - windowMillis, Math.min(first, to - MIN_SPAN_MILLIS)), to }
}
