/** One direction of a proxied connection: a queue that can delay, slice, hold or drop bytes. */
import type { Socket } from "node:net"
import type { Latency } from "./FaultMode.ts"

export interface Shape {
  readonly sliceBytes: number
  readonly everyMillis: number
  readonly latency: Latency
}

export const unshaped: Shape = { sliceBytes: Number.POSITIVE_INFINITY, everyMillis: 0, latency: 0 }

export type Gate = "open" | "hold" | "drop"

// More than any reply in a test, and small enough that a slow link slows the sender down (backpressure).
const highWaterBytes = 1024 * 1024

interface Item {
  readonly bytes: Buffer | "end"
  readonly dueAt: number
}

export class FaultPipe {
  /** Bytes read from the source so far. */
  bytesIn = 0
  /** Bytes written to the sink so far. */
  bytesOut = 0
  /** Whether bytes or a close were dropped. */
  lost = false
  #source: Socket | undefined
  #sink: Socket | undefined
  #shape = unshaped
  #gate: Gate = "open"
  #queue: Array<Item> = []
  #held: Array<Buffer | "end"> = []
  #queuedBytes = 0
  #cancelScheduled: (() => void) | undefined
  #draining = false
  #closed = false
  #onFlushed: (() => void) | undefined

  setSource(source: Socket): void {
    this.#source = source
  }

  setSink(sink: Socket): void {
    this.#sink = sink
    this.#pump()
  }

  setShape(shape: Shape): void {
    this.#shape = shape
    this.#pump()
  }

  setGate(gate: Gate): void {
    this.#gate = gate
    if (gate === "drop" && this.#held.length > 0) {
      this.lost = true
      this.#queuedBytes -= this.#held.reduce((total, item) => total + sizeOf(item), 0)
      this.#held = []
      this.#relievePressure()
    }
    if (gate === "open") {
      const held = this.#held
      this.#held = []
      for (const item of held) this.#enqueue(item)
      this.#pump()
    }
  }

  push(bytes: Buffer | "end"): void {
    if (this.#gate === "drop") {
      this.lost = true
      return
    }
    if (this.#closed) return
    this.#queuedBytes += sizeOf(bytes)
    if (this.#queuedBytes > highWaterBytes) this.#source?.pause()
    if (this.#gate === "hold") {
      this.#held.push(bytes)
      return
    }
    this.#enqueue(bytes)
    this.#pump()
  }

  /** Calls back when all queued bytes have been written. */
  afterFlush(callback: () => void): void {
    this.#onFlushed = callback
    this.#settleFlush()
  }

  /** Discards what is queued and what comes; the source can still be read to its end. */
  close(): void {
    this.#closed = true
    this.#cancelScheduled?.()
    this.#cancelScheduled = undefined
    this.#queue = []
    this.#held = []
    this.#sink = undefined
    this.#onFlushed = undefined
    this.#queuedBytes = 0
    this.#relievePressure()
  }

  #enqueue(bytes: Buffer | "end"): void {
    const latency = this.#shape.latency
    const millis = typeof latency === "number" ? latency : latency()
    this.#queue.push({ bytes, dueAt: performance.now() + millis })
  }

  #pump(): void {
    const sink = this.#sink
    if (sink === undefined || this.#cancelScheduled !== undefined || this.#draining) return
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const wait = head.dueAt - performance.now()
      if (wait > 0) return this.#schedule(wait)
      if (head.bytes === "end") {
        this.#queue = []
        sink.end()
        return this.#settleFlush()
      }
      const piece = head.bytes.subarray(0, this.#shape.sliceBytes)
      if (piece.length === head.bytes.length) this.#queue.shift()
      else this.#queue[0] = { bytes: head.bytes.subarray(piece.length), dueAt: head.dueAt }
      this.#queuedBytes -= piece.length
      this.bytesOut += piece.length
      this.#relievePressure()
      if (!sink.write(piece, () => this.#settleFlush())) {
        this.#draining = true
        sink.once("drain", () => {
          this.#draining = false
          this.#pump()
        })
        return
      }
      if (Number.isFinite(this.#shape.sliceBytes)) return this.#schedule(this.#shape.everyMillis)
    }
  }

  #schedule(millis: number): void {
    const run = () => {
      this.#cancelScheduled = undefined
      this.#pump()
    }
    if (millis > 0) {
      const timer = setTimeout(run, millis)
      this.#cancelScheduled = () => clearTimeout(timer)
    } else {
      const immediate = setImmediate(run)
      this.#cancelScheduled = () => clearImmediate(immediate)
    }
  }

  #relievePressure(): void {
    if (this.#queuedBytes <= highWaterBytes && this.#source?.isPaused() === true) this.#source.resume()
  }

  #settleFlush(): void {
    const callback = this.#onFlushed
    if (callback === undefined || this.#queue.length > 0 || (this.#sink?.writableLength ?? 0) > 0) return
    this.#onFlushed = undefined
    callback()
  }
}

const sizeOf = (item: Buffer | "end"): number => (item === "end" ? 0 : item.length)
