/** One thing that is not as it should be, in the words of a person who knows what to do about it. */

/** `info`: worth knowing; `warning`: will hurt; `critical`: hurts somebody now. */
export type Severity = "info" | "warning" | "critical"

/** Every finding there is; the order is that of the list where severities are equal. */
export const findingIds = [
  "login-refused",
  "connection-timeouts",
  "too-many-connections",
  "pool-saturated",
  "max-above-ceiling",
  "sessions-leaked",
  "idle-in-transaction",
  "blocked-statements",
  "slow-statements",
  "idle-sessions-dropped",
  "monitor-restricted"
] as const

export type FindingId = (typeof findingIds)[number]

/** What a rule says. */
export interface Advice {
  readonly id: FindingId
  readonly severity: Severity
  /** The same words as long as it is the same finding, without numbers. */
  readonly title: string
  /** What was seen, with numbers and names. */
  readonly detail: string
  /** What to do, most effective first. */
  readonly remedy: string
}

/** A finding; `since` is when it began, in wall-clock milliseconds. */
export interface Finding extends Advice {
  readonly since: number
}
