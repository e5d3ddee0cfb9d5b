/** The evidence from checks and pool events, from which the health is derived. Pure. */
import type { PoolEvent } from "../../pool/Events.ts"
import { type HealthError, unanswered, type DegradedCause, type Health, type HealthState } from "./Health.ts"
import type { PoolSnapshot } from "../../pool/core/Snapshot.ts"

/**
 * How a check ended. `Answered`: the server answered a probe, or sent data on sessions in use. `Unanswered`: it did not
 * answer although it should have. `Skipped`: there was no idle session to probe and no traffic to judge.
 */
export type CheckOutcome =
  | { readonly _tag: "Answered"; readonly latencyMillis: number | undefined }
  | { readonly _tag: "Unanswered"; readonly error: HealthError }
  | { readonly _tag: "Skipped" }

/** Times are wall-clock milliseconds. */
export interface HealthEvidence {
  /** Whether a check was answered or unanswered yet. */
  readonly checked: boolean
  /** The error of the last check that was not skipped; undefined when it was answered. */
  readonly checkFailure: HealthError | undefined
  readonly latencyMillis: number | undefined
  /** Whether the pool was saturated at the last check. */
  readonly saturated: boolean
  readonly checkedAt: number | undefined
  readonly consecutiveFailures: number
  /** The last error since the server last answered. */
  readonly recentFailure: HealthError | undefined
  readonly lastError: (HealthError & { readonly at: number }) | undefined
  /** The event of the drain comes before the snapshot shows it. */
  readonly draining: boolean
}

export const noEvidence: HealthEvidence = {
  checked: false,
  checkFailure: undefined,
  latencyMillis: undefined,
  saturated: false,
  checkedAt: undefined,
  consecutiveFailures: 0,
  recentFailure: undefined,
  lastError: undefined,
  draining: false
}

/** The server ends idle sessions as configured, which is no failure (PostgreSQL docs, `idle_session_timeout`). */
const IDLE_SESSION_TIMEOUT = "57P05"

const withFailure = (evidence: HealthEvidence, error: HealthError, at: number): HealthEvidence => ({
  ...evidence,
  recentFailure: error,
  lastError: { ...error, at }
})

/** The evidence after an event. `redact` removes secrets from a text. */
export const afterEvent = (
  evidence: HealthEvidence,
  event: PoolEvent,
  redact: (text: string) => string
): HealthEvidence => {
  switch (event._tag) {
    case "DialFailed":
    case "SessionsLost": {
      const error = event._tag === "DialFailed" ? event.error : event.first
      if (error.code === IDLE_SESSION_TIMEOUT) return evidence
      const { code, message, remedy } = error
      return withFailure(evidence, { code, message: redact(message), remedy: redact(remedy) }, event.at)
    }
    case "SessionClosed":
      return event.reason === "probe-failed"
        ? withFailure(evidence, unanswered("A session did not answer and was closed"), event.at)
        : evidence
    case "Draining":
    case "Drained":
      return { ...evidence, draining: true }
    default:
      return evidence
  }
}

/** The evidence after a check. */
export const afterCheck = (
  evidence: HealthEvidence,
  outcome: CheckOutcome,
  saturated: boolean,
  at: number
): HealthEvidence => {
  const checked = { ...evidence, saturated, checkedAt: at }
  switch (outcome._tag) {
    case "Answered":
      return {
        ...checked,
        checked: true,
        checkFailure: undefined,
        latencyMillis: outcome.latencyMillis ?? evidence.latencyMillis,
        consecutiveFailures: 0,
        recentFailure: undefined
      }
    case "Unanswered":
      return {
        ...withFailure(checked, outcome.error, at),
        checked: true,
        checkFailure: outcome.error,
        consecutiveFailures: evidence.consecutiveFailures + 1
      }
    case "Skipped":
      return checked
  }
}

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
