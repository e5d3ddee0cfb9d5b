/** A client's connection: read by read during the login, as a stream afterwards. */
import type { Socket } from "node:net"
import type { SecureContext } from "node:tls"
import { TLSSocket } from "node:tls"
import { errorResponse } from "./BackendMessages.ts"
import type { PoolerClock } from "./PoolerClock.ts"
import type { Refusal } from "./Refusal.ts"

/** How long a client that was told goodbye may keep its side open: ample on one machine, and nobody waits for it. */
const LINGER_MILLIS = 2000

/** However fast the pooler's time passes, a client on a busy machine needs this long to hash its password. */
const LEAST_ANSWER_MILLIS = 1000

export class ClientSocket {
  readonly address: string
  #socket: Socket
  readonly #clock: PoolerClock
  readonly #reads: Array<Buffer> = []
  #reader: ((read: Buffer | undefined) => void) | undefined
  #stream: ((chunk: Buffer) => void) | undefined
  #encrypted = false
  #gone = false
  #ended = false
  /** Fulfilled when its socket is gone. */
  readonly closed: Promise<void>
  /** Called once, when the client has closed or vanished. */
  onGone: (() => void) | undefined

  constructor(socket: Socket, clock: PoolerClock) {
    this.#socket = socket
    this.#clock = clock
    this.address = socket.remoteAddress ?? ""
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()))
    this.#listen(socket)
  }

  get encrypted(): boolean {
    return this.#encrypted
  }

  /** The host name the client asked for in its TLS handshake. */
  get serverName(): string | undefined {
    return this.#socket instanceof TLSSocket && typeof this.#socket.servername === "string"
      ? this.#socket.servername
      : undefined
  }

  get gone(): boolean {
    return this.#gone
  }

  /** What the client sent in one go; undefined when it has left, `timeout` when it said nothing for so long. */
  read(timeoutMillis?: number): Promise<Buffer | undefined | "timeout"> {
    const waiting = this.#reads.shift()
    if (waiting !== undefined) return Promise.resolve(waiting)
    if (this.#gone) return Promise.resolve(undefined)
    return new Promise((resolve) => {
      const cancel =
        timeoutMillis === undefined
          ? () => {}
          : this.#clock.after(
              timeoutMillis,
              () => {
                this.#reader = undefined
                resolve("timeout")
              },
              LEAST_ANSWER_MILLIS
            )
      this.#reader = (read) => {
        cancel()
        resolve(read)
      }
    })
  }

  /** Hands over everything from here on, beginning with what came early. */
  stream(onChunk: (chunk: Buffer) => void): void {
    this.#stream = onChunk
    for (const chunk of this.#reads.splice(0)) this.#onData(chunk)
  }

  /** Takes the server's part in a TLS handshake; whether it came about. */
  startTls(secureContext: SecureContext): Promise<boolean> {
    const plain = this.#socket
    plain.removeAllListeners("data")
    plain.removeAllListeners("end")
    plain.write("S")
    const secured = new TLSSocket(plain, { isServer: true, secureContext })
    this.#socket = secured
    this.#listen(secured)
    return new Promise((resolve) => {
      secured.once("secure", () => {
        this.#encrypted = true
        resolve(true)
      })
      secured.once("close", () => resolve(false))
    })
  }

  /** False when the client does not keep up and `onDrain` will tell. */
  write(bytes: Uint8Array | string): boolean {
    return this.#gone || this.#ended || this.#socket.write(bytes)
  }

  onDrain(action: () => void): void {
    this.#socket.once("drain", action)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Says no and closes. */
  refuse(refusal: Refusal): void {
    if (refusal.heldBack === 0) return this.end(errorResponse(refusal.fields))
    this.#clock.after(refusal.heldBack, () => this.end(errorResponse(refusal.fields)))
  }

  /** Closes in order, with some last bytes or none. */
  end(last?: Uint8Array | string): void {
    if (this.#ended || this.#socket.destroyed) return
    this.#ended = true
    this.#stream = undefined
    if (last === undefined) this.#socket.end()
    else this.#socket.end(last)
    this.#socket.resume()
    this.#socket.setTimeout(LINGER_MILLIS, () => this.#socket.destroy())
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #listen(socket: Socket): void {
    socket.on("data", (chunk: Buffer) => this.#onData(chunk))
    socket.on("end", () => this.#onGone())
    socket.on("error", () => socket.destroy())
    socket.on("close", () => this.#onGone())
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return
    if (this.#stream !== undefined) return this.#stream(chunk)
    const reader = this.#reader
    this.#reader = undefined
    if (reader === undefined) this.#reads.push(chunk)
    else reader(chunk)
  }

  #onGone(): void {
    if (this.#gone) return
    this.#gone = true
    this.#socket.end()
    this.#reader?.(undefined)
    this.onGone?.()
  }
}
