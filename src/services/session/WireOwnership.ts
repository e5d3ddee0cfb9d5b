/**
 * The query pipeline and the driver share one socket: statements go through the pipeline, streams and LISTEN through
 * the driver.
 *
 * They take turns between messages. The driver takes over when the last statement of the pipeline is answered, from the
 * very next byte; the pipeline takes over again when nothing uses the driver any more.
 *
 * The driver's own readers are found among the listeners of the socket. A driver that reads in another way keeps the
 * socket, and every statement goes through it.
 */
import { randomBytes } from "node:crypto"
import type * as Net from "node:net"
import { QueryPipeline } from "../wire/query/QueryPipeline.ts"
import type { TypeCatalogue } from "../wire/query/TypeCatalogue.ts"
import type { WireTap } from "../wire/WireTap.ts"
import type { DriverOptionsShape } from "./DriverOptions.ts"

/** Enough that no other session of a backend, earlier or later, gives its statements the same names. */
const PREFIX_BYTES = 6

interface WireOwnershipParts {
  readonly socket: Net.Socket
  readonly tap: WireTap
  readonly now: () => number
  readonly driver: DriverOptionsShape
  readonly types: TypeCatalogue
  /** Called once, when the received bytes violate the protocol. */
  readonly onBroken: (cause: unknown) => void
}

type Reader = (chunk: Buffer) => void

export class WireOwnership {
  readonly pipeline: QueryPipeline
  /** Whether the driver's readers were not found, so that it keeps the socket. */
  readonly isDriverOnly: boolean
  /** Whether statements go through the driver now. */
  isDriverActive = false
  /** How many streams, listeners and statements beside them use the driver. */
  private users = 0
  private readonly tap: WireTap
  private readonly driverReaders: ReadonlyArray<Reader>

  /** Takes the socket from a driver that has logged in and waits for nothing. */
  constructor({ driver, now, onBroken, socket, tap, types }: WireOwnershipParts) {
    this.tap = tap
    this.driverReaders = (socket.listeners("data") as Array<Reader>).filter((reader) => reader !== tap.push)
    this.isDriverOnly = this.isDriverActive = this.driverReaders.length === 0
    this.pipeline = new QueryPipeline(
      {
        socket,
        tap,
        now,
        onBroken,
        registry: driver.types,
        types,
        namedStatements: driver.preparedStatementCacheSize,
        maxMessageSize: driver.maxMessageSize
      },
      `s${randomBytes(PREFIX_BYTES).toString("hex")}_`
    )
    if (this.isDriverOnly) return
    socket.removeAllListeners("data")
    if (!tap.isBetweenMessages) this.giveToDriver()
    socket.on("data", this.pipeline.read)
  }

  /** Whether the driver may still read or write something. */
  get isDriverBusy(): boolean {
    return this.isDriverOnly ? this.users > 0 : this.isDriverActive
  }

  /** Lets the driver write; its replies come after those of the statements sent before. */
  acquireDriver(): void {
    this.users++
    if (!this.isDriverActive) this.giveToDriver()
  }

  /** Called when the driver has received everything it waited for. */
  releaseDriver(): void {
    this.users--
    this.takeFromDriver()
  }

  private giveToDriver(): void {
    this.isDriverActive = true
    this.pipeline.transferTo((chunk) => {
      this.tap.push(chunk)
      for (const read of this.driverReaders) read(chunk)
      this.takeFromDriver()
    })
  }

  private takeFromDriver(): void {
    if (this.users > 0 || !this.isDriverActive || !this.tap.isBetweenMessages || !this.pipeline.isTransferred) return
    this.isDriverActive = false
    this.pipeline.reclaim()
  }
}
