/** Those who meet in a pool under test: sessions that the test steers, and borrowers that remember how they fared. */
import { Lease, type Slot, type SlotSession } from "../../../../src/services/pool/core/Lease.ts"
import type { AcquireOutcome, CloseReason } from "../../../../src/services/pool/core/Snapshot.ts"

/** `doomed`: it failed a probe or a recovery and must be closed. */
export type PeerState = "free" | "probing" | "lent" | "recovering" | "doomed" | "closing" | "gone"

/** A session: what the pool may see of it, and what the model knows of it. */
export class Peer implements SlotSession {
  clean = true
  heard: number
  readonly busySince = 0
  state: PeerState = "free"
  slot: Slot<Peer> | undefined = undefined
  holder: Client | undefined = undefined
  evicted = false
  since: number
  readonly openedAt: number
  recoveryAsked = false
  reason: CloseReason | undefined = undefined
  doom: "probe-failed" | "not-recovered" = "probe-failed"

  constructor(now: number) {
    this.heard = now
    this.since = now
    this.openedAt = now
  }

  readonly isClean = (): boolean => this.clean
  readonly lastReceivedAt = (): number => this.heard
}

/** A borrower. */
export class Client extends Lease<Peer> {
  outcome: AcquireOutcome | undefined = undefined
  wakes = 0
  peer: Peer | undefined = undefined
}
