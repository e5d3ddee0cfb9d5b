/** The health over time as one strip: the taller and the redder, the worse. */
import { element, setAttribute, setText } from "./Dom.js"
import { clock, percent } from "./Format.js"
import { colorOf } from "./Theme.js"

/** @import { Point } from "./Messages.ts" */
/** @import { Shown } from "./Chart.js" */

const HEIGHT = 40

/**
 * How much of the strip's height a state takes: colour is not the only sign.
 *
 * @type {{ readonly [Word in Point["health"]]: { readonly height: number, readonly color: string } }}
 */
const looks = {
  up: { height: 0.3, color: "level-up" },
  degraded: { height: 0.65, color: "mark-degraded" },
  down: { height: 1, color: "level-down" },
  draining: { height: 0.5, color: "level-draining" },
  starting: { height: 0.15, color: "level-starting" }
}

/** @type {ReadonlyArray<Point["health"]>} */
const words = ["up", "degraded", "down", "draining", "starting"]

/**
 * Runs of the same state, oldest first.
 *
 * @param {ReadonlyArray<Point>} points
 * @param {number} stepMillis
 */
const runsOf = (points, stepMillis) => {
  /** @type {Array<{ readonly health: Point["health"], readonly from: number, to: number }>} */
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
  #shares = new Map(words.map((word) => [word, element("span", { class: "number" })]))
  /** @type {Shown} */
  #shown = { points: [], from: 0, to: 1 }
  #stepMillis = 1

  /** @param {HTMLElement} parent */
  constructor(parent) {
    for (const word of words) {
      const swatch = element("span", { class: `swatch level ${word}`, "aria-hidden": "true" })
      swatch.style.color = `var(--${looks[word].color})`
      this.#legend.append(element("li", {}, [swatch, `${word} `, this.#shares.get(word) ?? ""]))
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
    const shares = words.map((word) => {
      const share = points.filter(({ health }) => health === word).length / Math.max(1, points.length)
      const number = this.#shares.get(word)
      if (number !== undefined) setText(number, percent(share))
      return share === 0 ? [] : [`${word} ${percent(share)}`]
    })
    setText(this.#span, `${clock(from)} to ${clock(to)}`)
    const now = points.at(-1)?.health ?? "not known"
    setAttribute(this.#canvas, "aria-label", `Chart: Health. Now: ${now}. In all: ${shares.flat().join(", ")}.`)
    this.retheme()
  }

  /** Draws in the colours of now. */
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
    const place = (at) => ((at - from) / Math.max(1, to - from)) * width
    for (const { from, health, to } of runsOf(points, this.#stepMillis)) {
      const { color, height } = looks[health]
      const left = Math.max(0, place(from))
      context.fillStyle = colorOf(color)
      context.fillRect(left, HEIGHT * (1 - height), Math.max(1, place(to) - left), HEIGHT * height)
    }
  }
}
