/** Findings: problems with their remedies. */

/** `warning`: will cause failures; `critical`: causes failures now. */
export type Severity = "info" | "warning" | "critical"

/** The ids of all findings, in the order in which findings of the same severity are listed. */
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

/** The result of a rule. */
export interface Advice {
  readonly id: FindingId
  readonly severity: Severity
  /** Without numbers, so that it stays the same. */
  readonly title: string
  /** The observation, with numbers and names. */
  readonly detail: string
  /** What to do, the most effective first. */
  readonly remedy: string
}

/** A finding; `since` is when it began, in wall-clock milliseconds. */
export interface Finding extends Advice {
  readonly since: number
}
