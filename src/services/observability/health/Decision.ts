/** From what is known to what it means: pure. */
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"
import type { HealthEvidence } from "./HealthEvidence.ts"
import type { DegradedCause, Health, HealthState } from "./Health.ts"

/** Slower than this is slow, in milliseconds: to the other side of the Earth and back light in glass needs 200. */
const SLOW_MILLIS = 500

/** Whether no session is left to lend and none may be opened. */
export const isSaturated = ({ ceiling, idle, max, open }: PoolSnapshot): boolean =>
  open > 0 && idle === 0 && open >= Math.min(ceiling, max)

/** Nobody has asked for a session yet and the pool was told not to open any before. */
const hasNotDialled = ({ counters, phase }: PoolSnapshot): boolean =>
  phase === "starting" && counters.dialsStarted === 0

const causesOf = (findings: HealthEvidence, snapshot: PoolSnapshot): ReadonlyArray<DegradedCause> => {
  const { auth, capacity, network } = snapshot.breakers
  const limited = snapshot.ceiling < snapshot.max
  // A learned ceiling keeps its breaker from closing: that is one fact, not two.
  const failing = [network, auth, ...(limited ? [] : [capacity])].some(({ state }) => state !== "closed")
  const holds: { readonly [Cause in DegradedCause]: boolean } = {
    saturated: findings.saturated && isSaturated(snapshot),
    slow: (findings.latencyMillis ?? 0) > SLOW_MILLIS,
    ceiling: limited,
    breaker: failing
  }
  return (["saturated", "slow", "ceiling", "breaker"] as const).filter((cause) => holds[cause])
}

/** The state of a pool of which this is known. */
export const decide = (findings: HealthEvidence, snapshot: PoolSnapshot): HealthState => {
  if (findings.draining || snapshot.phase === "draining" || snapshot.phase === "closed") return { _tag: "Draining" }
  if (snapshot.open === 0) {
    if (findings.recentFailure !== undefined) return { _tag: "Down", reason: findings.recentFailure }
    // Without traffic and without a minimum a pool rests: nothing is wrong with it, and it must be sent work to wake.
    return snapshot.phase === "starting" && !hasNotDialled(snapshot) ? { _tag: "Starting" } : { _tag: "Up" }
  }
  if (findings.checkFailure !== undefined) return { _tag: "Down", reason: findings.checkFailure }
  if (!findings.checked) return { _tag: "Starting" }
  const causes = causesOf(findings, snapshot)
  return causes.length === 0 ? { _tag: "Up" } : { _tag: "Degraded", causes }
}

/** The health after `before`, now that this is known. `now` is wall-clock milliseconds. */
export const healthAfter = (before: Health, findings: HealthEvidence, snapshot: PoolSnapshot, now: number): Health => {
  const state = decide(findings, snapshot)
  return {
    state,
    since: state._tag === before.state._tag ? before.since : now,
    started: before.started || snapshot.counters.dialsSucceeded > 0 || hasNotDialled(snapshot),
    checkedAt: findings.checkedAt,
    latencyMillis: findings.latencyMillis,
    consecutiveFailures: findings.consecutiveFailures,
    lastError: findings.lastError
  }
}
