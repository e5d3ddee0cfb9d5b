/** Counts the sessions at the proxy by their first packet: a cancel request is no session. */
import { readFirstPacket } from "../../src/services/embedded/fake-supavisor/FirstPacket.ts"
import { FaultMode, type ProxiedConnection } from "../../src/testing/FaultProxy.ts"
import type { Dice } from "./Dice.ts"
import type { Findings } from "./Findings.ts"

/** How long a cancel is held back while cancels are late: most statements here are over by then. */
const LATE_CANCEL = { least: 20, most: 800 } as const

export class SessionCount {
  most = 0
  cancels = 0
  /** While set, cancel requests arrive late. */
  cancelsAreLate = false
  private readonly sessions = new Set<number>()
  private readonly max: number
  private readonly dice: Dice
  private readonly findings: Findings
  private readonly connections: () => ReadonlyArray<ProxiedConnection>
  /** The mode that new connections are in. */
  mode: FaultMode.FaultMode = FaultMode.pass

  constructor(parts: {
    readonly max: number
    readonly dice: Dice
    readonly findings: Findings
    readonly connections: () => ReadonlyArray<ProxiedConnection>
  }) {
    this.max = parts.max
    this.dice = parts.dice
    this.findings = parts.findings
    this.connections = parts.connections
  }

  /** To be asked for each connection that the proxy accepts. */
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
      if (this.cancelsAreLate) this.holdBack(id)
      return
    }
    this.sessions.add(id)
    const open = this.connections().filter((connection) => connection.isOpen && this.sessions.has(connection.id))
    this.most = Math.max(this.most, open.length)
    this.findings.must(open.length <= this.max, () => `${open.length} sessions at the proxy, and ${this.max} may be`)
  }

  private holdBack(id: number): void {
    const connection = this.connections().find((one) => one.id === id)
    if (connection === undefined) return

    setImmediate(() => connection.blackhole())
    setTimeout(() => connection.setMode(this.mode), this.dice.int(LATE_CANCEL.least, LATE_CANCEL.most))
  }
}
