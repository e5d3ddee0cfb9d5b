/** One client connection of a fault proxy, with its own mode, counters and controls. */
import * as Net from "node:net"
import type { OpenConnectionMode, Direction, FaultMode } from "./FaultMode.ts"
import { blackhole as blackholeMode, pass } from "./FaultMode.ts"
import { FaultPipe, type Gate, type Shape, unshaped } from "./FaultPipe.ts"

/** Events of a connection, for its proxy. */
export interface ProxiedConnectionEvents {
  /** The client closed, or its socket was closed by the proxy; once per connection. */
  readonly onClientClosed: (connection: ProxiedConnection) => void
  /** Both sockets have closed; once per connection. */
  readonly onClosed: (connection: ProxiedConnection) => void
  /** A `when` or `afterServerBytes` mode changed to its next mode. */
  readonly onTriggered: (connection: ProxiedConnection) => void
}

export class ProxiedConnection {
  /** The number of the accepted connection, from 1. */
  readonly id: number
  readonly #client: Net.Socket
  readonly #target: { readonly host: string; readonly port: number }
  readonly #events: ProxiedConnectionEvents
  readonly #toServer = new FaultPipe()
  readonly #toClient = new FaultPipe()
  #upstream: Net.Socket | undefined
  #mode: FaultMode = pass
  #serverBytesLeft = 0
  #clientCounted = true
  #cut = false
  #clientClosed = false
  #upstreamClosed = true
  #closeReported = false

  constructor(
    id: number,
    client: Net.Socket,
    target: { readonly host: string; readonly port: number },
    mode: FaultMode,
    events: ProxiedConnectionEvents
  ) {
    this.id = id
    this.#client = client
    this.#target = target
    this.#events = events
    client.setNoDelay(true)
    this.#toServer.setSource(client)
    this.#toClient.setSink(client)
    client.on("data", (chunk: Buffer) => this.#receive(chunk, "toServer"))
    client.on("end", () => this.#onEnd("toServer"))
    client.on("error", () => client.destroy())
    client.on("close", (hadError) => this.#onClientClose(hadError))
    this.#enter(mode, true)
  }

  /** The current mode; after a trigger it is the next mode. */
  get mode(): FaultMode {
    return this.#mode
  }

  /** Whether the client's side is open. */
  get isOpen(): boolean {
    return this.#clientCounted
  }

  /** Bytes read from each side and bytes written to each side. */
  get bytes(): Readonly<Record<"fromClient" | "toServer" | "fromServer" | "toClient", number>> {
    return {
      fromClient: this.#toServer.bytesIn,
      toServer: this.#toServer.bytesOut,
      fromServer: this.#toClient.bytesIn,
      toClient: this.#toClient.bytesOut
    }
  }

  /** Changes this connection only; `refuse` and `stallAccept` have no effect on it. A cut connection stays cut. */
  setMode(mode: FaultMode): void {
    this.#enter(mode, false)
  }

  /** Cuts the client off with a TCP reset. What was already read from it still reaches the server. */
  reset(): void {
    this.#cut = true
    this.#setGates("drop")
    this.#client.resetAndDestroy()
    this.#upstream?.destroySoon()
    this.#countClosed()
  }

  /** Closes the connection with a FIN on both sides. */
  end(): void {
    this.#cut = true
    this.#setGates("drop")
    this.#client.end()
    this.#upstream?.destroySoon()
  }

  /** Becomes silent: {@link blackholeMode} with the same options. */
  blackhole(options?: Parameters<typeof blackholeMode>[0]): void {
    this.setMode(blackholeMode(options))
  }

  /** Writes bytes to one side as if the other side had sent them. */
  inject(bytes: Buffer, direction: Direction = "toClient"): void {
    this.#pipe(direction).push(bytes)
  }

  /** Destroys both sockets and clears all timers. */
  destroy(): void {
    this.#toServer.close()
    this.#toClient.close()
    this.#client.destroy()
    this.#upstream?.destroy()
  }

  #pipe(direction: Direction): FaultPipe {
    return direction === "toServer" ? this.#toServer : this.#toClient
  }

  #enter(mode: FaultMode, isNew: boolean): void {
    if (this.#cut || (!isNew && (mode._tag === "Refuse" || mode._tag === "StallAccept"))) return
    this.#mode = mode
    switch (mode._tag) {
      case "Reset":
        return this.reset()
      case "End":
        return this.end()
      case "StallAccept":
        return this.#setGates("hold")
      case "Blackhole":
        this.#setGates(mode.bytes)
        return this.#dial()
      default: {
        if (this.#clientClosed || this.#toServer.lost || this.#toClient.lost) return this.reset()
        this.#toServer.setShape(shapeOf(mode, "toServer"))
        this.#toClient.setShape(shapeOf(mode, "toClient"))
        this.#setGates("open")
        if (mode._tag === "AfterServerBytes") this.#serverBytesLeft = mode.bytes
        if (mode._tag === "Garbage" && !isNew) {
          this.#mode = pass
          this.#toClient.push(mode.bytes)
        }
        return this.#dial()
      }
    }
  }

  #setGates(gate: Gate): void {
    this.#toServer.setGate(gate)
    this.#toClient.setGate(gate)
  }

  #dial(): void {
    if (this.#upstream !== undefined || this.#clientClosed) return
    const upstream = Net.connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    this.#upstream = upstream
    this.#upstreamClosed = false
    this.#toClient.setSource(upstream)
    upstream.once("connect", () => this.#toServer.setSink(upstream))
    upstream.on("data", (chunk: Buffer) => this.#receive(chunk, "toClient"))
    upstream.on("end", () => this.#onEnd("toClient"))
    upstream.on("error", () => upstream.destroy())
    upstream.on("close", (hadError) => this.#onUpstreamClose(hadError))
  }

  #receive(chunk: Buffer, direction: Direction): void {
    this.#pipe(direction).bytesIn += chunk.length
    this.#route(chunk, direction)
  }

  #route(chunk: Buffer, direction: Direction): void {
    const mode = this.#mode
    const pipe = this.#pipe(direction)
    if (mode._tag === "When" && mode.predicate(chunk, direction)) {
      if (mode.matched === "forward") pipe.push(chunk)
      this.#trigger(mode.next, pipe)
      if (mode.matched === "withhold") this.#route(chunk, direction)
      return
    }
    if (mode._tag === "AfterServerBytes" && direction === "toClient") {
      const allowed = chunk.subarray(0, this.#serverBytesLeft)
      this.#serverBytesLeft -= allowed.length
      if (allowed.length > 0) pipe.push(allowed)
      if (this.#serverBytesLeft > 0) return
      this.#trigger(mode.next, pipe)
      if (allowed.length < chunk.length) this.#route(chunk.subarray(allowed.length), direction)
      return
    }
    if (mode._tag === "Garbage" && direction === "toClient") {
      this.#mode = pass
      pipe.push(mode.bytes)
    }
    pipe.push(chunk)
  }

  #trigger(next: OpenConnectionMode, pipe: FaultPipe): void {
    if (next._tag === "Reset" || next._tag === "End") {
      this.#mode = next
      this.#setGates("drop")
      pipe.afterFlush(() => this.#enter(next, false))
    } else {
      this.#enter(next, false)
    }
    this.#events.onTriggered(this)
  }

  #onEnd(direction: Direction): void {
    if (direction === "toServer") this.#countClosed()
    if (this.#mode._tag === "Blackhole" && this.#mode.closes === "forward") {
      return direction === "toServer" ? this.#upstream?.destroySoon() : void this.#client.end()
    }
    this.#pipe(direction).push("end")
    if (direction === "toServer" && (this.#upstream === undefined || this.#upstreamClosed)) this.#client.end()
  }

  #onClientClose(hadError: boolean): void {
    this.#clientClosed = true
    this.#countClosed()
    this.#toClient.close()
    const swallowed = this.#mode._tag === "Blackhole" && this.#mode.closes === "swallow"
    if (hadError && !swallowed) this.#upstream?.destroySoon()
    this.#reportClosed()
  }

  #onUpstreamClose(hadError: boolean): void {
    this.#upstreamClosed = true
    this.#toServer.close()
    const swallowed = this.#mode._tag === "Blackhole" && this.#mode.closes === "swallow"
    if (!this.#clientClosed && hadError && !swallowed) this.#client.resetAndDestroy()
    this.#reportClosed()
  }

  #countClosed(): void {
    if (!this.#clientCounted) return
    this.#clientCounted = false
    this.#events.onClientClosed(this)
  }

  #reportClosed(): void {
    if (this.#closeReported || !this.#clientClosed || !this.#upstreamClosed) return
    this.#closeReported = true
    this.#toServer.close()
    this.#events.onClosed(this)
  }
}

const shapeOf = (mode: FaultMode, direction: Direction): Shape => {
  if (mode._tag === "Slice") return { ...unshaped, sliceBytes: mode.bytes, everyMillis: mode.everyMillis }
  if (mode._tag !== "Delay") return unshaped
  return { ...unshaped, latency: direction === "toServer" ? mode.toServerMillis : mode.toClientMillis }
}
