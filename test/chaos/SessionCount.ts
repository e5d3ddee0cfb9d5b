/** Counts the sessions at the proxy by their first packet: a cancel request is not a session. */
import { readFirstPacket } from "../../src/services/embedded/fake-supavisor/FirstPacket.ts"
import { FaultMode, type ProxiedConnection } from "../../src/testing/FaultProxy.ts"
import type { SeededRandom } from "./SeededRandom.ts"
import type { Violations } from "./Violations.ts"

/** How long a late cancel request is delayed: most statements here have ended by then. */
const LATE_CANCEL = { min: 20, max: 800 } as const

export class SessionCount {
  most = 0
  cancels = 0
  /** While set, cancel requests arrive late. */
  cancelsAreLate = false
  private readonly sessions = new Set<number>()
  private readonly max: number
  private readonly random: SeededRandom
  private readonly violations: Violations
  private readonly connections: () => ReadonlyArray<ProxiedConnection>
  /** The mode that new connections are in. */
  mode: FaultMode.FaultMode = FaultMode.pass

  constructor(parts: {
    readonly max: number
    readonly random: SeededRandom
    readonly violations: Violations
    readonly connections: () => ReadonlyArray<ProxiedConnection>
  }) {
    this.max = parts.max
    this.random = parts.random
    this.violations = parts.violations
    this.connections = parts.connections
  }

  /** The proxy's hook for a new connection. */
  readonly onAccept = ({ id }: { readonly id: number }): FaultMode.FaultMode | undefined => {
    if (this.mode._tag === "Refuse" || this.mode._tag === "StallAccept") return undefined
    const arrived: FaultMode.ChunkPredicate = (chunk, direction) => {
      if (direction !== "toServer") return false
      this.classify(id, chunk)
      return true
    }
    return FaultMode.when(arrived, this.mode, { matched: "withhold" })
  }

  private classify(id: number, first: Buffer): void {
    if (readFirstPacket(first, false)._tag === "Cancel") {
      this.cancels++
      if (this.cancelsAreLate) this.delayCancel(id)
      return
    }
    this.sessions.add(id)
    const open = this.connections().filter((connection) => connection.isOpen && this.sessions.has(connection.id))
    this.most = Math.max(this.most, open.length)
    this.violations.must(
      open.length <= this.max,
      () => `${open.length} sessions at the proxy, more than max (${this.max})`
    )
  }

  private delayCancel(id: number): void {
    const connection = this.connections().find((one) => one.id === id)
    if (connection === undefined) return

    setImmediate(() => connection.blackhole())
    setTimeout(() => connection.setMode(this.mode), this.random.int(LATE_CANCEL.min, LATE_CANCEL.max))
  }
}
