/** A client's connection: single reads during the login, a stream afterwards. */
import type { Socket } from "node:net"
import { type SecureContext, TLSSocket } from "node:tls"
import { errorResponse } from "./BackendMessages.ts"
import type { PoolerClock } from "./PoolerClock.ts"
import type { Refusal } from "./Refusal.ts"

/** How long a client may keep its side open after the pooler has ended the connection. */
const LINGER_MILLIS = 2000

/** Not scaled with the pooler's time: a client on a busy machine needs this long to hash its password. */
const LEAST_ANSWER_MILLIS = 1000

export class ClientSocket {
  readonly address: string
  #socket: Socket
  readonly #clock: PoolerClock
  readonly #reads: Array<Buffer> = []
  #reader: ((read: Buffer | undefined) => void) | undefined
  #stream: ((chunk: Buffer) => void) | undefined
  encrypted = false
  isClosed = false
  #ended = false
  /** Fulfilled when the socket has closed. */
  readonly closed: Promise<void>
  /** Called once, when the client has closed the connection or it broke. */
  onClosed: (() => void) | undefined

  constructor(socket: Socket, clock: PoolerClock) {
    this.#socket = socket
    this.#clock = clock
    this.address = socket.remoteAddress ?? ""
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()))
    this.#listen(socket)
  }

  /** The server name (SNI) of the TLS handshake. */
  get serverName(): string | undefined {
    return this.#socket instanceof TLSSocket && typeof this.#socket.servername === "string"
      ? this.#socket.servername
      : undefined
  }

  /** The next read; undefined when the client has closed, `timeout` when it sent nothing for so long. */
  read(timeoutMillis?: number): Promise<Buffer | undefined | "timeout"> {
    const waiting = this.#reads.shift()
    if (waiting !== undefined) return Promise.resolve(waiting)
    if (this.isClosed) return Promise.resolve(undefined)
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

  /** Passes every read from now on, buffered ones first. */
  stream(onChunk: (chunk: Buffer) => void): void {
    this.#stream = onChunk
    for (const chunk of this.#reads.splice(0)) this.#onData(chunk)
  }

  /** Runs the server's side of a TLS handshake; whether it succeeded. */
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
        this.encrypted = true
        resolve(true)
      })
      secured.once("close", () => resolve(false))
    })
  }

  /** False when the client is slow and `onDrain` will be called. */
  write(bytes: Uint8Array | string): boolean {
    return this.isClosed || this.#ended || this.#socket.write(bytes)
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

  refuse(refusal: Refusal): void {
    const end = () => this.end(errorResponse(refusal.fields))
    if (refusal.delayMillis === 0) end()
    else this.#clock.after(refusal.delayMillis, end)
  }

  /** Closes after the last bytes, if any. */
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
    socket.on("end", () => this.#onClosed())
    socket.on("error", () => socket.destroy())
    socket.on("close", () => this.#onClosed())
  }

  #onData(chunk: Buffer): void {
    if (this.#ended) return
    if (this.#stream !== undefined) return this.#stream(chunk)
    const reader = this.#reader
    this.#reader = undefined
    if (reader === undefined) this.#reads.push(chunk)
    else reader(chunk)
  }

  #onClosed(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#socket.end()
    this.#reader?.(undefined)
    this.onClosed?.()
  }
}
