/** A TCP client that records what it receives and how its connection ended. */
import * as Effect from "effect/Effect"
import * as Net from "node:net"

// How long silence is watched before it counts as silence; an answer through loopback takes under a millisecond.
const silence = "150 millis"

export class PlainClient {
  readonly socket: Net.Socket
  /** The chunks as they arrived. */
  readonly chunks: Array<Buffer> = []
  heardBytes = 0
  ending: string | undefined
  #waiters = new Set<() => void>()

  constructor(port: number) {
    this.socket = Net.connect({ host: "127.0.0.1", port, noDelay: true })
    this.socket.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.heardBytes += chunk.length
      this.#changed()
    })
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.ending = error.code ?? error.message
    })
    this.socket.on("close", () => {
      this.ending ??= "closed"
      this.#changed()
    })
    this.socket.on("connect", () => this.#changed())
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  until(holds: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const check = () => {
        if (holds()) resume(Effect.void)
      }
      this.#waiters.add(check)
      check()
      return Effect.sync(() => this.#waiters.delete(check))
    })
  }

  untilReceived(text: string): Effect.Effect<void> {
    return this.until(() => this.received.toString() === text)
  }

  /** Whether nothing is received and nothing ends for a while. */
  get staysSilent(): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const before = this.heardBytes
      return this.until(() => this.heardBytes !== before || this.ending !== undefined).pipe(
        Effect.timeoutOption(silence),
        Effect.map((change) => change._tag === "None")
      )
    })
  }

  /** How the connection ended: "closed" in order, or the code of the error. */
  get end(): Effect.Effect<string | undefined> {
    return Effect.map(
      this.until(() => this.ending !== undefined),
      () => this.ending
    )
  }

  #changed(): void {
    for (const check of this.#waiters) check()
  }
}

export const connectTo = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => new PlainClient(port)),
    (client) => Effect.sync(() => client.socket.destroy())
  )
