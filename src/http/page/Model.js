/** What the page knows: the last status, the history and the events, changed by messages only. */

/** @import { Hello, Point, ShownEvent, Status } from "./Messages.ts" */

/** As many events as the server keeps. */
const MAX_EVENTS = 50

/** Until the server says otherwise. */
const DEFAULT_WINDOW_MILLIS = 15 * 60 * 1000
const DEFAULT_STEP_MILLIS = 2000

/**
 * How the page stands with its server. Instants are wall-clock milliseconds of this machine.
 *
 * @typedef {{ readonly _tag: "connecting" }
 *   | { readonly _tag: "live" }
 *   | { readonly _tag: "lost", readonly since: number, readonly why: string }} Connection
 */

export class Model {
  /** @type {Connection} */
  connection = { _tag: "connecting" }
  /** @type {Status | undefined} */
  status = undefined
  /** @type {Array<Point>} oldest first */
  points = []
  /** @type {Array<ShownEvent & { readonly id: number }>} oldest first; the id tells equal ones apart */
  events = []
  windowMillis = DEFAULT_WINDOW_MILLIS
  stepMillis = DEFAULT_STEP_MILLIS
  #nextEvent = 0
  /** How far the clock here is ahead of the server's, in milliseconds. */
  #ahead = 0

  /**
   * Everything anew: what was seen before may have been another process.
   *
   * @param {Hello} hello
   */
  hello(hello) {
    this.windowMillis = hello.windowMillis
    this.stepMillis = hello.stepMillis
    this.points = [...hello.history]
    this.events = hello.events.map((event) => this.#numbered(event))
    const last = this.points.at(-1)
    if (last !== undefined) this.#meet(last.at)
  }

  /** @param {Point} point */
  point(point) {
    this.points.push(point)
    this.#meet(point.at)
    const oldest = point.at - this.windowMillis
    while (this.points[0] !== undefined && this.points[0].at < oldest) this.points.shift()
  }

  /** @param {ShownEvent} event */
  event(event) {
    this.events.push(this.#numbered(event))
    if (this.events.length > MAX_EVENTS) this.events.shift()
  }

  /** The server's clock, in wall-clock milliseconds, as far as it is known here. */
  serverNow() {
    return Date.now() - this.#ahead
  }

  /** @param {number} at */
  #meet(at) {
    this.#ahead = Date.now() - at
  }

  /** @param {ShownEvent} event */
  #numbered(event) {
    this.#nextEvent += 1
    return { ...event, id: this.#nextEvent }
  }
}
