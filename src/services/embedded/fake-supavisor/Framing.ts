/** Tracks the message boundaries of a byte stream without keeping the bodies. */
import { HEADER_BYTES, LENGTH_BYTES } from "./BackendMessages.ts"

/** Called at the end of each message with its type, and the first byte of its body (-1 for an empty one). */
export type OnMessage = (type: number, first: number) => void

/** Type bytes and status bytes. */
export const ascii = {
  bind: 0x42,
  error: 0x45,
  functionCall: 0x46,
  idle: 0x49,
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
  ready: 0x5a
} as const

/** One direction of one connection. */
export class Framing {
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #have = 0
  #left = 0
  #first = -1

  /** Whether the next byte begins a message. */
  get atBoundary(): boolean {
    return this.#have === 0
  }

  push(chunk: Buffer, onMessage: OnMessage): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#have < HEADER_BYTES) {
        const taken = chunk.copy(this.#header, this.#have, at, at + HEADER_BYTES - this.#have)
        this.#have += taken
        at += taken
        if (this.#have < HEADER_BYTES) return
        this.#left = Math.max(0, this.#header.readInt32BE(1) - LENGTH_BYTES)
        this.#first = -1
      }
      if (this.#left > 0 && at < chunk.length) {
        if (this.#first === -1) this.#first = chunk[at] ?? -1
        const taken = Math.min(this.#left, chunk.length - at)
        this.#left -= taken
        at += taken
      }
      if (this.#left === 0) {
        this.#have = 0
        onMessage(this.#header[0] ?? 0, this.#first)
      }
    }
  }
}
