/** How the pool and the way to its database are doing, as one value. */

/** Why a pool that answers is not at its best. */
export type DegradedCause =
  /** Every session that can be had was lent at the last check. */
  | "saturated"
  /** The last probe took longer than any distance explains. */
  | "slow"
  /** The other side grants fewer sessions than `max`. */
  | "ceiling"
  /** Dials fail: the pool lives on the sessions it has. */
  | "breaker"

/** A trouble in words: what happened, and what a person does about it. Holds no secret. */
export interface HealthError {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** A server that does not answer, in words. */
export const unanswered = (what: string): HealthError => ({
  code: "PROBE_UNANSWERED",
  message: what,
  remedy: "Look at the network between here and the server, and whether the server is under load."
})

/**
 * What the health is.
 *
 * `Starting`: no session was proved yet. `Up`: the server answers, or nobody has wanted a session yet or any more.
 * `Degraded`: it answers, with limits. `Down`: it does not answer, or there is no session and none can be had.
 * `Draining`: the pool ends or has ended.
 */
export type HealthState =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Up" }
  | { readonly _tag: "Degraded"; readonly causes: ReadonlyArray<DegradedCause> }
  | { readonly _tag: "Down"; readonly reason: HealthError }
  | { readonly _tag: "Draining" }

/** The health at one instant. Instants are wall-clock milliseconds. */
export interface Health {
  readonly state: HealthState
  /** When the state, by its tag, began. */
  readonly since: number
  /** Whether there ever was a session, or none is wanted before somebody asks for one. Never turns false again. */
  readonly started: boolean
  /** When the last check ended; undefined before the first. */
  readonly checkedAt: number | undefined
  /** Milliseconds of the last round trip of a probe; undefined before the first. */
  readonly latencyMillis: number | undefined
  /** Checks in a row without an answer. */
  readonly consecutiveFailures: number
  /** The last trouble, also when it is over. */
  readonly lastError: (HealthError & { readonly at: number }) | undefined
}

/** Before anything is known. */
export const startingHealth = (now: number): Health => ({
  state: { _tag: "Starting" },
  since: now,
  started: false,
  checkedAt: undefined,
  latencyMillis: undefined,
  consecutiveFailures: 0,
  lastError: undefined
})

/** Whether work should be sent here: a pool with limits still does it. */
export const isReady = ({ state }: Health): boolean => state._tag === "Up" || state._tag === "Degraded"

/** Each cause in words, as log lines and probes say it. */
export const causeTexts: { readonly [Cause in DegradedCause]: string } = {
  saturated: "all available sessions are in use",
  slow: "the server answers slowly",
  ceiling: "the server grants fewer sessions than the pool may open",
  breaker: "new sessions cannot be opened at the moment"
}
