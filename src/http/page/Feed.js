/** The stream of the server's messages. It is opened again after every loss. */

/** @import { FeedMessageData } from "../StatusSchema.ts" */

/** The server sends a status every second; after this time without a message the connection is dead. */
const SILENCE_MILLIS = 5000

const RETRY_MILLIS = 1000

/** How often the silence is checked. */
const CHECK_MILLIS = 500

/** The status codes of a server that requires a token. */
const DENIED = new Set([401, 403])

/** Characters shown of an error response. */
const MAX_TEXT = 200

/**
 * @typedef {object} Handlers
 * @property {(hello: FeedMessageData<"hello">) => void} onHello
 * @property {(status: FeedMessageData<"status">) => void} onStatus
 * @property {(point: FeedMessageData<"point">) => void} onPoint
 * @property {(event: FeedMessageData<"event">) => void} onEvent
 * @property {(why: string) => void} onDisconnect
 * @property {() => void} onDenied
 */

export class Feed {
  /** @type {EventSource | undefined} */
  #source = undefined
  #receivedAt = performance.now()
  /** Why the connection ends, when it is known before the end. */
  #reason = ""
  #handlers
  #url

  /**
   * @param {string} url
   * @param {Handlers} handlers
   */
  constructor(url, handlers) {
    this.#url = url
    this.#handlers = handlers
  }

  start() {
    setInterval(() => this.#checkSilence(), CHECK_MILLIS)
    this.#open()
  }

  #open() {
    const source = new EventSource(this.#url)
    this.#source = source
    this.#receivedAt = performance.now()
    this.#reason = ""
    this.#on(source, "hello", (hello) => this.#handlers.onHello(hello))
    this.#on(source, "status", (status) => this.#handlers.onStatus(status))
    this.#on(source, "point", (point) => this.#handlers.onPoint(point))
    this.#on(source, "event", (event) => this.#handlers.onEvent(event))
    this.#on(source, "bye", () => {
      this.#reason = "The server has ended"
    })
    source.addEventListener("error", () => void this.#disconnect(source))
  }

  /**
   * @param {EventSource} source
   * @param {string} name
   * @param {(data: any) => void} use
   */
  #on(source, name, use) {
    source.addEventListener(name, (message) => {
      if (source !== this.#source) return
      this.#receivedAt = performance.now()
      use(JSON.parse(message.data))
    })
  }

  #checkSilence() {
    const source = this.#source
    if (source === undefined || performance.now() - this.#receivedAt < SILENCE_MILLIS) return
    this.#reason = "The server has stopped sending"
    void this.#disconnect(source)
  }

  /** @param {EventSource} source */
  async #disconnect(source) {
    if (source !== this.#source) return
    source.close()
    this.#source = undefined
    this.#handlers.onDisconnect(this.#reason === "" ? "The server cannot be reached" : this.#reason)
    setTimeout(() => this.#open(), RETRY_MILLIS)
    const error = await this.#readError()
    if (error === undefined) return
    if (DENIED.has(error.status)) return this.#handlers.onDenied()
    this.#handlers.onDisconnect(error.text)
  }

  /** The error response, which an EventSource does not show; undefined when there is none. */
  async #readError() {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), RETRY_MILLIS)
    try {
      const response = await fetch(this.#url, { signal: stop.signal, cache: "no-store" })
      if (response.ok) return undefined
      const [line = ""] = (await response.text()).split("\n")
      const text = line === "" ? `The server answers with status ${response.status}` : line.slice(0, MAX_TEXT)
      return { status: response.status, text }
    } catch {
      return undefined
    } finally {
      clearTimeout(timer)
      stop.abort()
    }
  }
}
