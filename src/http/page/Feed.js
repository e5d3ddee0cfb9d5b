/** The stream of the server's news: opened, watched and opened again for as long as the page is. */

/** @import { Hello, Point, ShownEvent, Status } from "./Messages.ts" */

/** The status comes every second: after five without one nobody is there, in milliseconds. */
const SILENCE_MILLIS = 5000

/** Between attempts, in milliseconds: seen at once when the server is back, and no burden while it is not. */
const RETRY_MILLIS = 1000

/** How often the silence is measured, in milliseconds. */
const WATCH_MILLIS = 500

/** What a server says that wants to know who asks. */
const DOORS = new Set([401, 403])

/** Of what a server says instead of a stream, as much as fits into a line. */
const MOST_WORDS = 200

/**
 * @typedef {object} Listener
 * @property {(hello: Hello) => void} onHello
 * @property {(status: Status) => void} onStatus
 * @property {(point: Point) => void} onPoint
 * @property {(event: ShownEvent) => void} onEvent
 * @property {(why: string) => void} onLost
 * @property {() => void} onDoor the server wants to know who asks
 */

export class Feed {
  /** @type {EventSource | undefined} */
  #source = undefined
  #heardAt = performance.now()
  #farewell = ""
  #listener
  #url

  /**
   * @param {string} url
   * @param {Listener} listener
   */
  constructor(url, listener) {
    this.#url = url
    this.#listener = listener
  }

  /** Opens the stream, and again whenever it is lost. */
  start() {
    setInterval(() => this.#watch(), WATCH_MILLIS)
    this.#open()
  }

  #open() {
    const source = new EventSource(this.#url)
    this.#source = source
    this.#heardAt = performance.now()
    this.#farewell = ""
    this.#hear(source, "hello", (hello) => this.#listener.onHello(hello))
    this.#hear(source, "status", (status) => this.#listener.onStatus(status))
    this.#hear(source, "point", (point) => this.#listener.onPoint(point))
    this.#hear(source, "event", (event) => this.#listener.onEvent(event))
    this.#hear(source, "bye", () => {
      this.#farewell = "The server has ended"
    })
    source.addEventListener("error", () => void this.#lose(source))
  }

  /**
   * @param {EventSource} source
   * @param {string} name
   * @param {(data: any) => void} use
   */
  #hear(source, name, use) {
    source.addEventListener(name, (message) => {
      if (source !== this.#source) return
      this.#heardAt = performance.now()
      use(JSON.parse(message.data))
    })
  }

  #watch() {
    const source = this.#source
    if (source === undefined || performance.now() - this.#heardAt < SILENCE_MILLIS) return
    this.#farewell = "The server is silent"
    void this.#lose(source)
  }

  /** @param {EventSource} source */
  async #lose(source) {
    if (source !== this.#source) return
    source.close()
    this.#source = undefined
    this.#listener.onLost(this.#farewell === "" ? "The server cannot be reached" : this.#farewell)
    setTimeout(() => this.#open(), RETRY_MILLIS)
    const refusal = await this.#refusal()
    if (refusal === undefined) return
    if (DOORS.has(refusal.status)) return this.#listener.onDoor()
    this.#listener.onLost(refusal.words)
  }

  /** What the server answers instead of a stream, which an EventSource does not tell. */
  async #refusal() {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), RETRY_MILLIS)
    try {
      const response = await fetch(this.#url, { signal: stop.signal, cache: "no-store" })
      if (response.ok) return undefined
      const [line = ""] = (await response.text()).split("\n")
      const words = line === "" ? `The server answers with status ${response.status}` : line.slice(0, MOST_WORDS)
      return { status: response.status, words }
    } catch {
      return undefined
    } finally {
      clearTimeout(timer)
      stop.abort()
    }
  }
}
