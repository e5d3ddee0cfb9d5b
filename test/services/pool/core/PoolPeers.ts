/** The sessions of a model test, which the test controls, and its callers, which record their outcome. */
import { Lease, type Slot, type SlotSession } from "../../../../src/services/pool/core/Lease.ts"
import type { AcquireOutcome, CloseReason } from "../../../../src/services/pool/core/Snapshot.ts"

/** `failed`: a probe or recovery failed, so the session must be closed. */
export type PeerState = "idle" | "probing" | "leased" | "recovering" | "failed" | "closing" | "gone"

/** A session: the interface for the pool, and the state for the model. */
export class Peer implements SlotSession {
  clean = true
  receivedAt: number
  readonly busySince = 0
  state: PeerState = "idle"
  slot: Slot<Peer> | undefined = undefined
  holder: Client | undefined = undefined
  evicted = false
  since: number
  readonly openedAt: number
  recoverRequested = false
  reason: CloseReason | undefined = undefined
  failure: "probe-failed" | "not-recovered" = "probe-failed"

  constructor(now: number) {
    this.receivedAt = now
    this.since = now
    this.openedAt = now
  }

  readonly isClean = (): boolean => this.clean
  readonly lastReceivedAt = (): number => this.receivedAt
}

export class Client extends Lease<Peer> {
  outcome: AcquireOutcome | undefined = undefined
  wakes = 0
  peer: Peer | undefined = undefined
}
