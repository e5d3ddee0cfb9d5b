/** A chart with its heading and its legend, which has the values as text. */
import uPlot from "./uplot.js"
import { BAR_MILLIS, barsOf, stacked, valuesOf } from "./Columns.js"
import { element, setAttribute, setText } from "./Dom.js"
import { clock, MILLIS_PER_SECOND } from "./Format.js"
import { colorOf } from "./Theme.js"

/** @import { HistoryPoint } from "../StatusSchema.ts" */
/** @import { Line } from "./Columns.js" */

const HEIGHT = 148
const Y_AXIS_WIDTH = 52
const X_AXIS_HEIGHT = 24
const TICK_SPACE = 24
const TIME_SPACE = 64
const FONT = '11px "Segoe UI", Roboto, "Liberation Sans", sans-serif'
/** The width of a digit in that font. */
const CHARACTER_WIDTH = 6
const RIGHT_PADDING = 8
const LINE_WIDTH = 1.5
/** Space above the highest value. */
const HEADROOM = 1.1

const dashes = { solid: [], dashed: [6, 3], dotted: [2, 3], layer: [] }

/**
 * @typedef {object} ChartDefinition
 * @property {string} title
 * @property {ReadonlyArray<Line>} lines the layers of a stack from top to bottom, then the lines
 * @property {(value: number) => string} format for the legend
 * @property {(value: number) => string} [tick] for the axis; by default `format`
 * @property {ReadonlyArray<number>} [steps] possible distances between ticks
 * @property {number} floor the least upper end of the axis
 * @property {boolean} [isBars] counts summed over ten seconds, drawn as bars
 * @property {boolean} [isStepped] the value holds until the next point
 * @property {(points: ReadonlyArray<HistoryPoint>) => string} [note] one more line of the legend
 */

/** @typedef {{ readonly points: ReadonlyArray<HistoryPoint>, readonly from: number, readonly to: number }} Shown */

/** @param {number} at seconds */
const timeAt = (at) => clock(at * MILLIS_PER_SECOND)

// Times without seconds when the distance allows it, and none that would be cut off at the right edge.
/** @type {uPlot.Axis.DynamicValues} */
const timeTicks = (plot, splits, _, __, distance) =>
  splits.map((at) => {
    const text = distance < 60 ? timeAt(at) : timeAt(at).slice(0, -":00".length)
    const right = plot.valToPos(at, "x") + (text.length * CHARACTER_WIDTH) / 2
    return right > plot.over.clientWidth + RIGHT_PADDING ? "" : text
  })

/** @param {string} grid */
const lines = (grid) => ({ stroke: () => colorOf(grid), width: 1 })

// The axes. The colours are read when they are drawn, because the theme may change.
/** @type {(definition: ChartDefinition) => Array<uPlot.Axis>} */
const axesOf = ({ format, steps, tick = format }) => {
  const text = { stroke: () => colorOf("muted"), font: FONT, gap: 6 }
  return [
    {
      ...text,
      grid: { show: false },
      ticks: { ...lines("line"), size: 4 },
      values: timeTicks,
      size: X_AXIS_HEIGHT,
      space: TIME_SPACE
    },
    {
      ...text,
      grid: lines("grid"),
      ticks: { show: false },
      values: (_, splits) => splits.map((value) => tick(value).replace(/\.0+(?= |$)/, "")),
      ...(steps === undefined ? {} : { incrs: [...steps] }),
      size: Y_AXIS_WIDTH,
      space: TICK_SPACE
    }
  ]
}

/** @type {(definition: ChartDefinition, line: Line) => uPlot.Series} */
const seriesOf = ({ isBars, isStepped }, { color, kind }) => {
  const stepped = uPlot.paths.stepped?.({ align: 1 })
  const bars = uPlot.paths.bars?.({ size: [0.8, 40], align: 1 })
  const paths = isBars ? bars : isStepped ? stepped : undefined
  return {
    stroke: () => colorOf(color),
    ...(kind === "layer" ? { fill: () => colorOf(color) } : {}),
    width: isBars ? 0 : LINE_WIDTH,
    dash: dashes[kind],
    points: { show: false },
    ...(paths === undefined ? {} : { paths })
  }
}

export class Chart {
  #definition
  #plot
  #canvas
  #time
  #note
  /** @type {Array<HTMLElement>} in the order of the lines */
  #numbers
  /** @type {Shown} */
  #shown = { points: [], from: 0, to: 1 }
  /** @type {Array<Array<number | null>>} */
  #values = []

  /**
   * @param {HTMLElement} parent of the figure
   * @param {ChartDefinition} definition
   */
  constructor(parent, definition) {
    this.#definition = definition
    this.#time = element("span", { class: "aside" })
    this.#canvas = element("div", { class: "canvas", role: "img" })
    this.#note = element("p", { class: "legend-note" })
    this.#numbers = definition.lines.map(() => element("span", { class: "number" }))
    parent.append(
      element("figure", { class: "panel chart" }, [
        element("figcaption", {}, [
          element("h3", {}, [definition.title, " ", this.#time]),
          element("ul", { class: "legend" }, this.#legend()),
          ...(definition.note === undefined ? [] : [this.#note])
        ]),
        this.#canvas
      ])
    )
    this.#plot = new uPlot(this.#options(), [[], ...definition.lines.map(() => [])], this.#canvas)
    new ResizeObserver(() => this.#plot.setSize(this.#size())).observe(this.#canvas)
  }

  /** @param {Shown} shown */
  show(shown) {
    const { isBars, lines } = this.#definition
    const points = isBars ? barsOf(shown.points) : shown.points
    this.#shown = { ...shown, points }
    this.#values = valuesOf(lines, points)
    const columns = stacked(lines, this.#values)
    const drawn = isBars ? columns.map((column) => column.map((value) => (value === 0 ? null : value))) : columns
    this.#plot.setData([points.map(({ at }) => at / MILLIS_PER_SECOND), ...drawn])
    this.#showValues()
  }

  /** Redraws with the colours of the current theme. */
  retheme() {
    this.#plot.redraw(false, false)
  }

  #size() {
    return { width: Math.max(1, this.#canvas.clientWidth), height: HEIGHT }
  }

  #legend() {
    const { lines } = this.#definition
    const entries = lines.map(({ color, kind, label }, index) => {
      const swatch = element("span", { class: `swatch ${kind}`, "aria-hidden": "true" })
      swatch.style.color = `var(--${color})`
      return { kind, item: element("li", {}, [swatch, `${label} `, this.#numbers[index] ?? ""]) }
    })
    const layers = entries.filter(({ kind }) => kind === "layer")
    return [...layers.toReversed(), ...entries.filter(({ kind }) => kind !== "layer")].map(({ item }) => item)
  }

  /** @returns {uPlot.Options} */
  #options() {
    const definition = this.#definition
    return {
      ...this.#size(),
      padding: [8, RIGHT_PADDING, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false }, sync: { key: "time" } },
      scales: {
        x: { range: () => [this.#shown.from / MILLIS_PER_SECOND, this.#shown.to / MILLIS_PER_SECOND] },
        y: { range: (_, __, highest) => [0, Math.max(definition.floor, (highest ?? 0) * HEADROOM)] }
      },
      axes: axesOf(definition),
      series: [{}, ...definition.lines.map((line) => seriesOf(definition, line))],
      hooks: { setCursor: [() => this.#showValues()] }
    }
  }

  /** Shows the values under the cursor; without a cursor the last ones, or the sums of bars. */
  #showValues() {
    const { format, isBars, lines, note, title } = this.#definition
    const { points } = this.#shown
    const index = this.#plot?.cursor.idx ?? undefined
    const pointed = index === undefined ? undefined : points[index]
    const at = pointed?.at
    const end = at === undefined || !isBars ? "" : ` to ${clock(at + BAR_MILLIS)}`
    setText(this.#time, at === undefined ? (isBars ? "total" : "now") : `${clock(at)}${end}`)
    const texts = this.#values.map((column) => {
      const value = index === undefined ? (isBars ? sum(column) : column.at(-1)) : column[index]
      return value === null || value === undefined ? "–" : format(value)
    })
    texts.forEach((text, line) => {
      const number = this.#numbers[line]
      if (number !== undefined) setText(number, text)
    })
    if (note !== undefined) setText(this.#note, note(pointed === undefined ? points : [pointed]))
    if (at !== undefined) return
    const words = lines.map(({ label }, line) => `${label} ${texts[line]}`).join(", ")
    const highest = lines.map(({ label }, line) => `${label} ${highestOf(this.#values[line] ?? [], format)}`).join(", ")
    setAttribute(
      this.#canvas,
      "aria-label",
      `Chart: ${title}. ${isBars ? "Total" : "Now"}: ${words}. Highest: ${highest}.`
    )
  }
}

/** @param {ReadonlyArray<number | null>} column */
const sum = (column) => column.reduce((/** @type {number} */ total, value) => total + (value ?? 0), 0)

/** @type {(column: ReadonlyArray<number | null>, format: (value: number) => string) => string} */
const highestOf = (column, format) => {
  const known = column.filter((value) => value !== null)
  return known.length === 0 ? "not measured" : format(Math.max(...known))
}
