/**
 * One wire, two that speak on it: the pipeline carries statements, the driver streams and listens.
 *
 * They take turns between messages. The driver takes over as soon as the last statement of the pipeline is answered,
 * from that very byte; the pipeline comes back when nobody uses the driver any more.
 */
import { randomBytes } from "node:crypto"
import type * as Net from "node:net"
import { QueryPipeline } from "../wire/query/QueryPipeline.ts"
import type { WireTap } from "../wire/WireTap.ts"
import type { DriverOptionsShape } from "./DriverOptions.ts"

/** Enough that no other session of a backend, earlier or later, has named its statements alike. */
const PREFIX_BYTES = 6

export interface WireOwnershipParts {
  readonly socket: Net.Socket
  readonly tap: WireTap
  readonly now: () => number
  readonly driver: DriverOptionsShape
  /** Told once, when what was read is not the protocol. */
  readonly onBroken: (cause: unknown) => void
}

type Reader = (chunk: Buffer) => void

export class WireOwnership {
  readonly pipeline: QueryPipeline
  /** How many streams, listeners and statements beside them use the driver. */
  private users = 0
  private isDrivers = false
  private readonly tap: WireTap
  private readonly driverReads: ReadonlyArray<Reader>

  /** Takes the wire from a driver that has logged in and has nothing more to hear. */
  constructor({ driver, now, onBroken, socket, tap }: WireOwnershipParts) {
    this.tap = tap
    this.driverReads = (socket.listeners("data") as Array<Reader>).filter((reader) => reader !== tap.push)
    socket.removeAllListeners("data")
    this.pipeline = new QueryPipeline(
      {
        socket,
        tap,
        now,
        onBroken,
        types: driver.types,
        namedStatements: driver.preparedStatementCacheSize,
        maxMessageSize: driver.maxMessageSize
      },
      `s${randomBytes(PREFIX_BYTES).toString("hex")}_`
    )
    if (!tap.isBetweenMessages) this.lend()
    socket.on("data", this.pipeline.read)
  }

  /** Whether statements go through the driver now. */
  get isDriverActive(): boolean {
    return this.isDrivers
  }

  /** Lets the driver speak; what it writes is answered after what was asked before. */
  acquireDriver(): void {
    this.users++
    if (!this.isDrivers) this.lend()
  }

  /** The driver has heard all it waited for. */
  releaseDriver(): void {
    this.users--
    this.takeBack()
  }

  private lend(): void {
    this.isDrivers = true
    this.pipeline.transferTo((chunk) => {
      this.tap.push(chunk)
      for (const read of this.driverReads) read(chunk)
      this.takeBack()
    })
  }

  private takeBack(): void {
    if (this.users > 0 || !this.isDrivers || !this.tap.isBetweenMessages || !this.pipeline.isTransferred) return
    this.isDrivers = false
    this.pipeline.reclaim()
  }
}
