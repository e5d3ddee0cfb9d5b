/** The page's data: the last status, the history and the events. */

/** @import { Hello, StatusBody, HistoryEvent, HistoryPoint } from "../StatusSchema.ts" */

/** As many as the server keeps. */
const MAX_EVENTS = 50

/** Until `hello` arrives. */
const DEFAULT_WINDOW_MILLIS = 15 * 60 * 1000
const DEFAULT_STEP_MILLIS = 2000

/**
 * The connection to the server; `since` is wall-clock milliseconds of this machine.
 * @typedef {{ readonly _tag: "connecting" }
 *   | { readonly _tag: "live" }
 *   | { readonly _tag: "disconnected", readonly since: number, readonly why: string }} Connection
 */

export class Model {
  /** @type {Connection} */
  connection = { _tag: "connecting" }
  /** @type {StatusBody | undefined} */
  status = undefined
  /** @type {Array<HistoryPoint>} oldest first */
  points = []
  /** @type {Array<HistoryEvent & { readonly id: number }>} oldest first; the id distinguishes equal events */
  events = []
  windowMillis = DEFAULT_WINDOW_MILLIS
  stepMillis = DEFAULT_STEP_MILLIS
  #nextEvent = 0
  /** How far this machine's clock is ahead of the server's, in milliseconds. */
  #ahead = 0

  // Replaces the history: the old one may be of another process.
  /** @param {Hello} hello */
  hello(hello) {
    this.windowMillis = hello.windowMillis
    this.stepMillis = hello.stepMillis
    this.points = [...hello.history]
    this.events = hello.events.map((event) => this.#numbered(event))
    const last = this.points.at(-1)
    if (last !== undefined) this.#compareClocks(last.at)
  }

  /** @param {HistoryPoint} point */
  point(point) {
    this.points.push(point)
    this.#compareClocks(point.at)
    const oldest = point.at - this.windowMillis
    while (this.points[0] !== undefined && this.points[0].at < oldest) this.points.shift()
  }

  /** @param {HistoryEvent} event */
  event(event) {
    this.events.push(this.#numbered(event))
    if (this.events.length > MAX_EVENTS) this.events.shift()
  }

  /** An estimate of the server's clock, in wall-clock milliseconds. */
  serverNow() {
    return Date.now() - this.#ahead
  }

  /** @param {number} at */
  #compareClocks(at) {
    this.#ahead = Date.now() - at
  }

  /** @param {HistoryEvent} event */
  #numbered(event) {
    this.#nextEvent += 1
    return { ...event, id: this.#nextEvent }
  }
}
