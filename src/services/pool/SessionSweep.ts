/** The check of all sessions once a second: overdue statements and leaked leases. */
import * as Duration from "effect/Duration"
import type { Session } from "../session/Session.ts"
import { SessionError } from "../errors/SessionError.ts"
import { holderName, type Slot } from "./core/Lease.ts"
import type { PoolHost } from "./PoolHost.ts"

/** The server ends a statement at its timeout; without an answer this much later, the peer is taken for dead. */
const STATEMENT_GRACE_MILLIS = 5000

export const sweepSessions = (host: PoolHost, now: number): void => {
  const { pool, statementTimeout } = host.config
  const leakMillis = pool.leakThreshold === undefined ? undefined : Duration.toMillis(pool.leakThreshold)
  const statementMillis = Duration.toMillis(statementTimeout)
  for (const slot of host.core.slots) {
    if (statementMillis > 0) checkStatement(host, slot, now, statementMillis + STATEMENT_GRACE_MILLIS)
    if (leakMillis !== undefined) checkLeak(host, slot, now, leakMillis)
  }
}

const checkStatement = (host: PoolHost, slot: Slot<Session>, now: number, limit: number): void => {
  const { session } = slot
  if (session.busySince === 0 || session.lost !== undefined) return
  // On a shared session the first unanswered statement has run since the last answer at the earliest.
  const since =
    slot.lease?.isShared === true ? Math.max(session.busySince, session.lastReceivedAt()) : session.busySince
  if (now - since < limit) return
  const error = SessionError.statementTimeout({
    host: host.endpoint.host,
    port: host.endpoint.port,
    phase: "query",
    elapsedMillis: now - since,
    limitMillis: limit
  })
  const holder = holderName(slot.lease?.holder)
  host.publish({ _tag: "StatementOverdue", sessionId: session.info.id, holder, error })
  session.kill(error)
}

const checkLeak = (host: PoolHost, slot: Slot<Session>, now: number, threshold: number): void => {
  const { lease } = slot
  if (lease === undefined || lease.leakReported || lease.longLived || now - lease.since < threshold) return
  lease.leakReported = true
  host.core.counters.leaksSuspected++
  host.publish({
    _tag: "LeakSuspected",
    sessionId: slot.session.info.id,
    holder: holderName(lease.holder),
    heldMillis: now - lease.since,
    statement: slot.session.statement
  })
}
