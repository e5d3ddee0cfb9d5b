/** The list of sessions and waiters with their holders. Created on demand; nothing is written per query. */
import type { Session } from "../session/Session.ts"
import { holderName, type Lease, type Slot, type SlotState } from "./core/Lease.ts"

/** One open session. Times are milliseconds; the statement's text has placeholders, never values. */
export interface SessionEntry {
  readonly sessionId: number
  readonly backendPid: number
  readonly state: SlotState
  readonly ageMillis: number
  /** How long it has been idle; undefined while it is not. */
  readonly idleMillis: number | undefined
  /** How long ago the peer last sent anything. */
  readonly silentMillis: number
  readonly uses: number
  /** The span and fiber that hold it. */
  readonly holder: string | undefined
  readonly traceId: string | undefined
  readonly heldMillis: number | undefined
  readonly statement: string | undefined
  /** How long its statement has been running; undefined while none is. */
  readonly runningMillis: number | undefined
  /** Why the session was lost, else the error of its last failed statement, in one line. */
  readonly lastError?: string | undefined
}

/** One caller that waits for a session. Times are milliseconds. */
export interface WaiterEntry {
  /** The span and fiber that wait. */
  readonly holder: string
  readonly waitingMillis: number
  /** Time until the wait times out. */
  readonly deadlineMillis: number
}

export const sessionEntry = (slot: Slot<Session>, now: number): SessionEntry => {
  const { lease, session } = slot
  return {
    sessionId: session.info.id,
    backendPid: session.info.backendPid,
    state: slot.state,
    ageMillis: now - slot.openedAt,
    idleMillis: slot.state === "idle" ? now - slot.idleSince : undefined,
    silentMillis: now - session.lastReceivedAt(),
    uses: slot.uses,
    holder: lease === undefined ? undefined : holderName(lease.holder),
    traceId: lease?.holder?.cache.span?.traceId,
    heldMillis: lease === undefined ? undefined : now - lease.since,
    statement: session.statement,
    runningMillis: session.busySince > 0 ? now - session.busySince : undefined,
    lastError: (session.lost ?? session.lastError)?.message.replaceAll(/\s+/g, " ")
  }
}

/** Most waiters listed; the snapshot counts all. */
const MAX_WAITERS_LISTED = 20

/** The first waiters of a queue, oldest first. */
export const waiterEntries = (first: Lease<Session> | undefined, now: number): ReadonlyArray<WaiterEntry> => {
  const entries: Array<WaiterEntry> = []
  for (let waiter = first; waiter !== undefined && entries.length < MAX_WAITERS_LISTED; waiter = waiter.next) {
    entries.push({
      holder: holderName(waiter.holder),
      waitingMillis: now - waiter.enqueuedAt,
      deadlineMillis: Math.max(0, waiter.deadline - now)
    })
  }
  return entries
}
