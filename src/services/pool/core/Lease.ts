/**
 * A lease: a caller's exclusive right to one session, its place in the wait queue before that, and its entry in the
 * list of sessions.
 *
 * One object serves all three purposes, so that a query costs one allocation for all bookkeeping. It is created before
 * a session is found and released exactly once; releasing a lease that never got a session does nothing.
 */
import type { SessionError } from "../../errors/SessionError.ts"
import type { WaiterNode } from "./WaitQueue.ts"

/** The facts about a session that the pool's decisions need. */
export interface SlotSession {
  readonly isClean: () => boolean
  /** Monotonic milliseconds when the peer last sent anything. */
  readonly lastReceivedAt: () => number
  /** Monotonic milliseconds since when a statement runs; 0 while none does. */
  readonly busySince: number
}

/**
 * `idle`: in the idle stack. `probing`: taken from the stack to check that the peer answers. `used`: leased.
 * `recovering`: released, being reset. `closing`: Terminate was sent; the slot is free once the socket is closed.
 * `gone`: closed or lost.
 */
export type SlotState = "idle" | "probing" | "used" | "recovering" | "closing" | "gone"

export class Slot<S extends SlotSession> {
  readonly session: S
  state: SlotState = "idle"
  readonly openedAt: number
  /** Monotonic milliseconds when it is due to be replaced. */
  readonly expiresAt: number
  idleSince: number
  /** How often it was leased. */
  uses = 0
  lease: Lease<S> | undefined = undefined
  /** Must not be leased again; the current lease may finish. */
  evicted = false

  constructor(session: S, openedAt: number, expiresAt: number) {
    this.session = session
    this.openedAt = openedAt
    this.expiresAt = expiresAt
    this.idleSince = openedAt
  }
}

/** The holder of a lease: a fiber, or a part of this library by name. Read on demand only. */
export interface Holder {
  readonly id: number
  /** Set where the holder is not a fiber. */
  readonly name?: string
  readonly cache: {
    readonly span: { readonly _tag: string; readonly name?: string; readonly traceId: string } | undefined
  }
}

export type LeaseState = "new" | "waiting" | "held" | "over"

export class Lease<S extends SlotSession> implements WaiterNode<Lease<S>> {
  state: LeaseState = "new"
  slot: Slot<S> | undefined = undefined
  readonly holder: Holder | undefined
  /** Monotonic milliseconds when the session was acquired. */
  since = 0
  leakReported = false
  /** Held for the life of the program by intent: never reported as a leak. */
  longLived = false
  /** For a health check: the session's own `idleSince`, restored on release, so that the check is not a use. */
  idleSince: number | undefined = undefined
  /** Called when the wait ends: with undefined when the session is acquired, else with the error. */
  onWake: ((error: SessionError | undefined) => void) | undefined = undefined

  previous: Lease<S> | undefined = undefined
  next: Lease<S> | undefined = undefined
  deadline = 0
  enqueuedAt = 0

  constructor(holder: Holder | undefined) {
    this.holder = holder
  }

  /** Whether it serves several callers, each of which is counted on its own. */
  get isShared(): boolean {
    return false
  }

  /** Ends the wait: with undefined when the session is acquired, else with the error. */
  wake(error: SessionError | undefined): void {
    this.onWake?.(error)
  }
}

/** The holder's name for messages: its span where it has one, else its fiber. */
export const holderName = (holder: Holder | undefined): string => {
  if (holder === undefined) return "unknown"
  if (holder.name !== undefined) return holder.name
  const span = holder.cache.span
  return span?._tag === "Span" && span.name !== undefined ? `${span.name} (fiber #${holder.id})` : `fiber #${holder.id}`
}
