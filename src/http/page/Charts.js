/** The charts of the page. */
import { Chart } from "./Chart.js"
import { queryRate, spanOf } from "./Columns.js"
import { byId } from "./Dom.js"
import { bytes, count, decimal, duration, percent } from "./Format.js"
import { HealthStrip } from "./HealthStrip.js"

/** @import { ChartDefinition } from "./Chart.js" */
/** @import { Line } from "./Columns.js" */
/** @import { Model } from "./Model.js" */
/** @import { HistoryPoint } from "../StatusSchema.ts" */

/** Ticks of whole numbers. */
const wholeSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]

const MEBI = 1024 * 1024

/** Ticks of memory, round in MiB and GiB. */
const memorySteps = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096].map((size) => size * MEBI)

const PERCENT = 100

/** Unwanted closes; the others are the pool's maintenance. */
const UNWANTED = new Set(["lost", "probe-failed", "not-recovered"])

/** @type {(point: HistoryPoint, isUnwanted: boolean) => number} */
const closed = ({ closes }, isUnwanted) =>
  Object.entries(closes).reduce((sum, [reason, count]) => (UNWANTED.has(reason) === isUnwanted ? sum + count : sum), 0)

/** @param {ReadonlyArray<HistoryPoint>} points */
const reasons = (points) => {
  /** @type {Map<string, number>} */
  const sums = new Map()
  for (const { closes } of points) {
    for (const [reason, count] of Object.entries(closes)) sums.set(reason, (sums.get(reason) ?? 0) + count)
  }
  const words = Array.from(sums, ([reason, count]) => `${reason} ${count}`)
  return words.length === 0 ? "No session was closed." : `Closed: ${words.join(", ")}.`
}

/** @type {(title: string, what: "wait" | "query") => ChartDefinition} */
const quantiles = (title, what) => ({
  title,
  lines: [
    { label: "p50", color: "p50", kind: "solid", value: (point) => point[`${what}P50`] },
    { label: "p95", color: "p95", kind: "dashed", value: (point) => point[`${what}P95`] },
    { label: "p99", color: "p99", kind: "dotted", value: (point) => point[`${what}P99`] }
  ],
  format: duration,
  floor: 1
})

/** @type {(title: string, line: Line, format: (value: number) => string, floor: number) => ChartDefinition} */
const single = (title, line, format, floor) => ({ title, lines: [line], format, floor })

/** @type {ReadonlyArray<ChartDefinition>} */
const definitions = [
  {
    title: "Sessions by state",
    lines: [
      { label: "closing", color: "closing", kind: "layer", value: ({ closing }) => closing },
      { label: "connecting", color: "connecting", kind: "layer", value: ({ connecting }) => connecting },
      { label: "idle", color: "idle", kind: "layer", value: ({ idle }) => idle },
      { label: "used", color: "used", kind: "layer", value: ({ used }) => used },
      { label: "ceiling", color: "ceiling", kind: "dashed", value: ({ ceiling }) => ceiling },
      { label: "max", color: "max", kind: "dotted", value: ({ max }) => max }
    ],
    format: count,
    steps: wholeSteps,
    floor: 2,
    isStepped: true
  },
  {
    ...single(
      "Waiting callers",
      { label: "waiting", color: "waiting", kind: "layer", value: ({ waiting }) => waiting },
      count,
      4
    ),
    steps: wholeSteps,
    isStepped: true
  },
  quantiles("Wait for a session", "wait"),
  quantiles("Query duration", "query"),
  single("Queries per second", { label: "queries", color: "queries", kind: "solid", value: queryRate }, decimal, 4),
  {
    title: "Sessions opened and closed",
    lines: [
      { label: "lost", color: "lost", kind: "layer", value: (point) => closed(point, true) },
      { label: "failed dials", color: "failed", kind: "layer", value: ({ dialFailures }) => dialFailures },
      { label: "closed", color: "closing", kind: "layer", value: (point) => closed(point, false) },
      {
        label: "opened",
        color: "opened",
        kind: "layer",
        value: ({ dialFailures, dials }) => Math.max(0, dials - dialFailures)
      }
    ],
    format: count,
    steps: wholeSteps,
    floor: 4,
    isBars: true,
    note: reasons
  },
  {
    ...single("CPU", { label: "of one core", color: "cpu", kind: "solid", value: ({ cpu }) => cpu }, percent, 0.1),
    tick: (share) => `${Math.round(share * PERCENT)} %`
  },
  single(
    "Event-loop delay",
    { label: "p99", color: "loop", kind: "solid", value: ({ loopDelayP99Millis }) => loopDelayP99Millis },
    duration,
    20
  ),
  {
    ...single(
      "Memory",
      { label: "resident", color: "memory", kind: "solid", value: ({ rssBytes }) => rssBytes },
      bytes,
      128 * MEBI
    ),
    steps: memorySteps
  }
]

// Builds all charts. `show` draws the model's history, `retheme` draws it with the colours of the current theme.
/** @param {Model} model */
export const makeCharts = (model) => {
  const parent = byId("charts")
  const strip = new HealthStrip(parent)
  const charts = definitions.map((definition) => new Chart(parent, definition))
  return {
    show: () => {
      const { points, stepMillis, windowMillis } = model
      const shown = { points, ...spanOf(points, windowMillis, model.serverNow()) }
      strip.show(shown, stepMillis)
      for (const chart of charts) chart.show(shown)
    },
    retheme: () => {
      strip.retheme()
      for (const chart of charts) chart.retheme()
    }
  }
}
