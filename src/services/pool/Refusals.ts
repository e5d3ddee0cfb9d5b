/** What a borrower is told who gets no session: the pool's state, and who holds the sessions. */
import type { Session } from "../session/SessionOpener.ts"
import { SessionError } from "../errors/SessionError.ts"
import { holderLine } from "./Ledger.ts"
import type { PoolCore } from "./core/PoolCore.ts"
import { formatSnapshot, type PoolSnapshot } from "./core/Snapshot.ts"

/** Why a borrower gets none. */
export type Outcome = "timeout" | "queue-full" | "closed"

/** Puts a refusal into words. `enqueuedAt` and `now` are monotonic milliseconds. */
export const refusalOf = (
  outcome: Outcome,
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
      const failure = core.gate.failures > 0 ? snapshot.lastFailure : undefined
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
