/** Who holds which session, since when, running what. Read when somebody asks; nothing is written per query. */
import type { Session } from "../session/Session.ts"
import { holderName, type Lease, type Slot, type SlotState } from "./core/Lease.ts"
import { SessionError } from "../errors/SessionError.ts"
import type { PoolCore } from "./core/PoolCore.ts"
import { formatSnapshot, type PoolSnapshot } from "./core/Snapshot.ts"
import { shortStatement } from "../stats/StatementText.ts"
import { MILLIS_PER_SECOND } from "../errors/Units.ts"

/** Why a borrower gets none. */
export type Rejection = "timeout" | "queue-full" | "closed"

/** Puts a refusal into words. `enqueuedAt` and `now` are monotonic milliseconds. */
export const acquireError = (
  outcome: Rejection,
  core: PoolCore<Session>,
  snapshot: PoolSnapshot,
  enqueuedAt: number,
  now: number
): SessionError => {
  switch (outcome) {
    case "closed":
      return SessionError.poolClosed({ draining: core.phase === "draining" })
    case "queue-full":
      return SessionError.queueFull({ maxWaiting: core.limits.maxWaiting, state: formatSnapshot(snapshot) })
    case "timeout": {
      const failure = core.backoff.failures > 0 ? snapshot.lastFailure : undefined
      return SessionError.acquireTimeout({
        waitedMillis: now - enqueuedAt,
        poolName: snapshot.name,
        state: formatSnapshot(snapshot),
        holders: Array.from(core.slots)
          .filter((slot) => slot.state === "used")
          .map((slot) => holderLine(slot, now)),
        lastFailure: failure?.message,
        lastFailureCode: failure?.code
      })
    }
  }
}

/** One session that stands. Times are milliseconds; the statement's text has placeholders, never values. */
export interface SessionEntry {
  readonly sessionId: number
  readonly backendPid: number
  readonly state: SlotState
  readonly ageMillis: number
  /** Since when it has been idle; undefined while it is not. */
  readonly idleMillis: number | undefined
  /** How long the server has not been heard of. */
  readonly silentMillis: number
  readonly uses: number
  /** The span and fiber that hold it. */
  readonly holder: string | undefined
  readonly traceId: string | undefined
  readonly heldMillis: number | undefined
  readonly statement: string | undefined
  /** How long its statement has been running; undefined while none is. */
  readonly runningMillis: number | undefined
  /** Why the session is gone, else what its last failed statement failed with, in one line. */
  readonly lastError?: string | undefined
}

/** One caller that waits for a session. Times are milliseconds. */
export interface WaiterEntry {
  /** The span and fiber that wait. */
  readonly holder: string
  readonly waitingMillis: number
  /** How long it goes on waiting at most. */
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

/** Callers listed: a queue of a thousand is told by its length, not by its names. */
const MAX_WAITERS_LISTED = 20

/** The first in a queue, oldest first. */
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

/** One holder in words, for the message of a caller that waited in vain. */
export const holderLine = (slot: Slot<Session>, now: number): string => {
  const entry = sessionEntry(slot, now)
  const seconds = ((entry.heldMillis ?? 0) / MILLIS_PER_SECOND).toFixed(1)
  const short = shortStatement(entry.statement ?? "")
  const doing = short === "" ? "" : entry.runningMillis === undefined ? `, last ran: ${short}` : `, running: ${short}`
  return `session ${entry.sessionId} by ${entry.holder ?? "the pool itself"} for ${seconds} s${doing}`
}
