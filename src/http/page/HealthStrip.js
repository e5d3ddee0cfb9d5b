/** The health over time as a strip: the taller, the worse. */
import { element, setAttribute, setText } from "./Dom.js"
import { clock, percent } from "./Format.js"
import { colorOf } from "./Theme.js"

/** @import { HistoryPoint } from "../StatusSchema.ts" */
/** @import { Shown } from "./Chart.js" */

const HEIGHT = 40

// The share of the strip's height and the colour of each state, from the most to the least usual one.
/** @type {Readonly<Record<string, { readonly height: number, readonly color: string }>>} */
const styles = {
  up: { height: 0.3, color: "level-up" },
  degraded: { height: 0.65, color: "mark-degraded" },
  down: { height: 1, color: "level-down" },
  draining: { height: 0.5, color: "level-draining" },
  starting: { height: 0.15, color: "level-starting" }
}

const states = Object.keys(styles)

/** @typedef {{ readonly health: string, readonly from: number, to: number }} Run */

// Oldest first.
/** @type {(points: ReadonlyArray<HistoryPoint>, stepMillis: number) => Array<Run>} */
const runsOf = (points, stepMillis) => {
  /** @type {Array<Run>} */
  const runs = []
  for (const { at, health } of points) {
    const last = runs.at(-1)
    if (last !== undefined && last.health === health && at - last.to <= 2 * stepMillis) last.to = at
    else runs.push({ health, from: Math.max(at - stepMillis, last?.to ?? 0), to: at })
  }
  return runs
}

export class HealthStrip {
  #canvas = element("canvas", { role: "img", height: String(HEIGHT) })
  #legend = element("ul", { class: "legend" })
  #span = element("span", { class: "aside" })
  #shares = new Map(states.map((state) => [state, element("span", { class: "number" })]))
  /** @type {Shown} */
  #shown = { points: [], from: 0, to: 1 }
  #stepMillis = 1

  /** @param {HTMLElement} parent */
  constructor(parent) {
    for (const state of states) {
      const swatch = element("span", { class: `swatch level ${state}`, "aria-hidden": "true" })
      swatch.style.color = `var(--${styles[state]?.color})`
      this.#legend.append(element("li", {}, [swatch, `${state} `, this.#shares.get(state) ?? ""]))
    }
    parent.append(
      element("figure", { class: "panel chart strip" }, [
        element("figcaption", {}, [element("h3", {}, ["Health ", this.#span]), this.#legend]),
        this.#canvas
      ])
    )
    new ResizeObserver(() => this.retheme()).observe(this.#canvas)
  }

  /**
   * @param {Shown} shown
   * @param {number} stepMillis
   */
  show(shown, stepMillis) {
    this.#shown = shown
    this.#stepMillis = stepMillis
    const { from, points, to } = shown
    const shares = states.map((state) => {
      const share = points.filter(({ health }) => health === state).length / Math.max(1, points.length)
      const number = this.#shares.get(state)
      if (number !== undefined) setText(number, percent(share))
      return share === 0 ? [] : [`${state} ${percent(share)}`]
    })
    setText(this.#span, `${clock(from)} to ${clock(to)}`)
    const now = points.at(-1)?.health ?? "unknown"
    setAttribute(this.#canvas, "aria-label", `Chart: Health. Now: ${now}. Total: ${shares.flat().join(", ")}.`)
    this.retheme()
  }

  /** Draws with the colours of the current theme. */
  retheme() {
    const { from, points, to } = this.#shown
    const canvas = this.#canvas
    const context = canvas.getContext("2d")
    const ratio = devicePixelRatio
    const width = canvas.clientWidth
    if (context === null || width === 0) return
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(HEIGHT * ratio)
    context.scale(ratio, ratio)
    context.fillStyle = colorOf("track")
    context.fillRect(0, 0, width, HEIGHT)
    /** @param {number} at */
    const xOf = (at) => ((at - from) / Math.max(1, to - from)) * width
    for (const { from, health, to } of runsOf(points, this.#stepMillis)) {
      const { color, height } = styles[health] ?? { color: "muted", height: 1 }
      const left = Math.max(0, xOf(from))
      context.fillStyle = colorOf(color)
      context.fillRect(left, HEIGHT * (1 - height), Math.max(1, xOf(to) - left), HEIGHT * height)
    }
  }
}
