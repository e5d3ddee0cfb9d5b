/** What is known of the health beside the pool's own picture: pure, from events and the outcomes of checks. */
import type { PoolEvent } from "../../pool/Events.ts"
import { type HealthError, unanswered } from "./Health.ts"

/**
 * How a check ended. `Answered`: the server was heard of, by a probe or in the work of those who hold the sessions.
 * `Unanswered`: it should have been and was not. `Unasked`: nobody was there to ask, or to be heard.
 */
export type CheckOutcome =
  | { readonly _tag: "Answered"; readonly latencyMillis: number | undefined }
  | { readonly _tag: "Unanswered"; readonly error: HealthError }
  | { readonly _tag: "Unasked" }

/** What is remembered. Instants are wall-clock milliseconds. */
export interface HealthEvidence {
  /** Whether a check has found out something yet. */
  readonly checked: boolean
  /** Why the last check that found out something failed; undefined when it did not. */
  readonly checkFailure: HealthError | undefined
  readonly latencyMillis: number | undefined
  /** Whether every session was lent at the last check. */
  readonly saturated: boolean
  readonly checkedAt: number | undefined
  readonly consecutiveFailures: number
  /** What went wrong since the server was last heard of. */
  readonly recentFailure: HealthError | undefined
  readonly lastError: (HealthError & { readonly at: number }) | undefined
  /** The pool has said that it ends, which it says before it does. */
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

/** A server that ends idle sessions does as it was told (PostgreSQL docs, `idle_session_timeout`). */
const IDLE_SESSION_TIMEOUT = "57P05"

const withTrouble = (findings: HealthEvidence, trouble: HealthError, at: number): HealthEvidence => ({
  ...findings,
  recentFailure: trouble,
  lastError: { ...trouble, at }
})

/** What an event adds. `redact` takes secrets out of a text. */
export const afterEvent = (
  findings: HealthEvidence,
  event: PoolEvent,
  redact: (text: string) => string
): HealthEvidence => {
  switch (event._tag) {
    case "DialFailed":
    case "SessionsLost": {
      const error = event._tag === "DialFailed" ? event.error : event.first
      if (error.code === IDLE_SESSION_TIMEOUT) return findings
      const { code, message, remedy } = error
      return withTrouble(findings, { code, message: redact(message), remedy: redact(remedy) }, event.at)
    }
    case "SessionClosed":
      return event.reason === "probe-failed"
        ? withTrouble(findings, unanswered("A session did not answer and was closed"), event.at)
        : findings
    case "Draining":
    case "Drained":
      return { ...findings, draining: true }
    default:
      return findings
  }
}

/** What a check adds. */
export const afterCheck = (
  findings: HealthEvidence,
  outcome: CheckOutcome,
  saturated: boolean,
  at: number
): HealthEvidence => {
  const checked = { ...findings, saturated, checkedAt: at }
  switch (outcome._tag) {
    case "Answered":
      return {
        ...checked,
        checked: true,
        checkFailure: undefined,
        latencyMillis: outcome.latencyMillis ?? findings.latencyMillis,
        consecutiveFailures: 0,
        recentFailure: undefined
      }
    case "Unanswered":
      return {
        ...withTrouble(checked, outcome.error, at),
        checked: true,
        checkFailure: outcome.error,
        consecutiveFailures: findings.consecutiveFailures + 1
      }
    case "Unasked":
      return checked
  }
}
