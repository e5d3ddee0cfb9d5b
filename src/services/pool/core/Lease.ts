/**
 * A lease: the right of one borrower to one session, the waiter that it was before, and its entry in the ledger.
 *
 * One object for all three, so that a query costs one allocation for all the bookkeeping. It is made before a session
 * is found and given back exactly once, whatever happened in between: a lease that never got a session gives back
 * nothing.
 */
import type { SessionError } from "../../errors/SessionError.ts"
import type { WaiterNode } from "./WaitQueue.ts"

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

/** Who holds a lease, read only when somebody asks. */
export interface Holder {
  readonly id: number
  /** How it is called where it is no fiber. */
  readonly name?: string
  readonly cache: {
    readonly span: { readonly _tag: string; readonly name?: string; readonly traceId: string } | undefined
  }
}

/** A lease waits, holds a session, or is over. */
export type LeaseState = "new" | "waiting" | "held" | "over"

export class Lease<S extends SlotSession> implements WaiterNode<Lease<S>> {
  state: LeaseState = "new"
  slot: Slot<S> | undefined = undefined
  readonly holder: Holder | undefined
  /** Monotonic milliseconds when the session was lent. */
  since = 0
  leakReported = false
  /** Held for as long as the program runs, by intent: never reported as a leak. */
  longLived = false
  /** Since when the session was idle, of a lease that only looks at it and must not make it look used. */
  idleSince: number | undefined = undefined
  /** Called when a waiter gets its session (undefined) or is refused. */
  onWake: ((refusal: SessionError | undefined) => void) | undefined = undefined

  previous: Lease<S> | undefined = undefined
  next: Lease<S> | undefined = undefined
  deadline = 0
  enqueuedAt = 0

  constructor(holder: Holder | undefined) {
    this.holder = holder
  }

  /** Whether it stands for several callers, who are counted themselves. */
  get isShared(): boolean {
    return false
  }

  /** A waiter got its session, or is refused. */
  wake(refusal: SessionError | undefined): void {
    this.onWake?.(refusal)
  }
}

/** The holder in words: its span where it has one, else its fiber. */
export const holderName = (holder: Holder | undefined): string => {
  if (holder === undefined) return "unknown"
  if (holder.name !== undefined) return holder.name
  const span = holder.cache.span
  return span?._tag === "Span" && span.name !== undefined ? `${span.name} (fiber #${holder.id})` : `fiber #${holder.id}`
}
