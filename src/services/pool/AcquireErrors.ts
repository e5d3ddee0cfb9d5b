/** The errors of acquires that the pool rejects. */
import { MILLIS_PER_SECOND } from "../errors/Units.ts"
import { SessionError } from "../errors/SessionError.ts"
import type { Session } from "../session/Session.ts"
import { shortStatement } from "../stats/StatementText.ts"
import type { Slot } from "./core/Lease.ts"
import type { PoolCore, Rejection } from "./core/PoolCore.ts"
import { formatSnapshot, type PoolSnapshot } from "./core/Snapshot.ts"
import { sessionEntry } from "./SessionList.ts"

/** `enqueuedAt` and `now` are monotonic milliseconds. */
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

const holderLine = (slot: Slot<Session>, now: number): string => {
  const entry = sessionEntry(slot, now)
  const seconds = ((entry.heldMillis ?? 0) / MILLIS_PER_SECOND).toFixed(1)
  const short = shortStatement(entry.statement ?? "")
  const doing = short === "" ? "" : entry.runningMillis === undefined ? `, last ran: ${short}` : `, running: ${short}`
  return `session ${entry.sessionId} by ${entry.holder ?? "the pool itself"} for ${seconds} s${doing}`
}
