/** A session's place in the pool, and what the pool's state machine must know of a session to decide. */
import type { Lease } from "./Lease.ts"

/** The part of a session that decisions rest on. */
export interface SlotSession {
  readonly isClean: () => boolean
  /** Monotonic milliseconds when the peer was last heard of. */
  readonly heardAt: () => number
  /** Monotonic milliseconds since when a statement runs; 0 while none does. */
  readonly busySince: number
}

/**
 * `idle`: in the stack of those that can be lent. `probing`: taken from it for a waiter and being asked whether the
 * peer answers. `used`: lent. `recovering`: given back with something to clear. `closing`: saying goodbye; the slot
 * is not free before the socket is closed. `gone`: closed or lost.
 */
export type SlotState = "idle" | "probing" | "used" | "recovering" | "closing" | "gone"

export class Slot<S extends SlotSession> {
  readonly session: S
  state: SlotState = "idle"
  readonly openedAt: number
  /** Monotonic milliseconds when it is due to be replaced. */
  readonly expiresAt: number
  idleSince: number
  /** How often it was lent. */
  uses = 0
  lease: Lease<S> | undefined = undefined
  /** Set when it must not be lent again; its holder may finish. */
  evicted = false

  constructor(session: S, openedAt: number, expiresAt: number) {
    this.session = session
    this.openedAt = openedAt
    this.expiresAt = expiresAt
    this.idleSince = openedAt
  }
}
