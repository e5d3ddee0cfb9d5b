/** Derives the health from the evidence and the pool's snapshot. Pure. */
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { HealthEvidence } from "./HealthEvidence.ts"
import type { DegradedCause, Health, HealthState } from "./Health.ts"

/** Slower probes count as slow, in milliseconds; a round trip to the antipodes takes 200 in glass fibre. */
const SLOW_MILLIS = 500

/** Whether no session is idle and none may be opened. */
export const isSaturated = ({ ceiling, idle, max, open }: PoolSnapshot): boolean =>
  open > 0 && idle === 0 && open >= Math.min(ceiling, max)

/** The pool has a minimum of 0 and there was no acquire yet. */
const hasNotDialled = ({ counters, phase }: PoolSnapshot): boolean =>
  phase === "starting" && counters.dialsStarted === 0

const causesOf = (evidence: HealthEvidence, snapshot: PoolSnapshot): ReadonlyArray<DegradedCause> => {
  const { auth, capacity, network } = snapshot.breakers
  const limited = snapshot.ceiling < snapshot.max
  // A learned ceiling keeps the capacity breaker open; it is reported once.
  const failing = [network, auth, ...(limited ? [] : [capacity])].some(({ state }) => state !== "closed")
  const holds: { readonly [Cause in DegradedCause]: boolean } = {
    saturated: evidence.saturated && isSaturated(snapshot),
    slow: (evidence.latencyMillis ?? 0) > SLOW_MILLIS,
    ceiling: limited,
    breaker: failing
  }
  return (["saturated", "slow", "ceiling", "breaker"] as const).filter((cause) => holds[cause])
}

/** The state that follows from the evidence. */
export const decide = (evidence: HealthEvidence, snapshot: PoolSnapshot): HealthState => {
  if (evidence.draining || snapshot.phase === "draining" || snapshot.phase === "closed") return { _tag: "Draining" }
  if (snapshot.open === 0) {
    if (evidence.recentFailure !== undefined) return { _tag: "Down", reason: evidence.recentFailure }
    // A pool without a minimum has no sessions while there is no traffic, and must count as ready to get some.
    return snapshot.phase === "starting" && !hasNotDialled(snapshot) ? { _tag: "Starting" } : { _tag: "Up" }
  }
  if (evidence.checkFailure !== undefined) return { _tag: "Down", reason: evidence.checkFailure }
  if (!evidence.checked) return { _tag: "Starting" }
  const causes = causesOf(evidence, snapshot)
  return causes.length === 0 ? { _tag: "Up" } : { _tag: "Degraded", causes }
}

/** The health after `before`. `now` is wall-clock milliseconds. */
export const healthAfter = (before: Health, evidence: HealthEvidence, snapshot: PoolSnapshot, now: number): Health => {
  const state = decide(evidence, snapshot)
  return {
    state,
    since: state._tag === before.state._tag ? before.since : now,
    started: before.started || snapshot.counters.dialsSucceeded > 0 || hasNotDialled(snapshot),
    checkedAt: evidence.checkedAt,
    latencyMillis: evidence.latencyMillis,
    consecutiveFailures: evidence.consecutiveFailures,
    lastError: evidence.lastError
  }
}
