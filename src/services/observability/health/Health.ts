/** The health of the pool and of the connection to its database. */
import { sentence } from "../../errors/Wording.ts"

/** Why the health is degraded. */
export type DegradedCause =
  /** All available sessions were leased at the last check. */
  | "saturated"
  /** The last probe was slower than any distance explains. */
  | "slow"
  /** The server grants fewer sessions than `max`. */
  | "ceiling"
  /** Dials fail, and the pool has only the sessions that are open. */
  | "breaker"

/** An error with its remedy, without secrets. */
export interface HealthError {
  readonly code: string
  readonly message: string
  readonly remedy: string
}

/** The error of a server that does not answer. */
export const unanswered = (message: string): HealthError => ({
  code: "PROBE_UNANSWERED",
  message,
  remedy: "Check the network between this machine and the server, and the load of the server."
})

/**
 * `Starting`: no session was checked yet. `Up`: the server answers, or the pool has no sessions and no failures.
 * `Degraded`: the server answers, with limits. `Down`: it does not answer, or no session is open and dials fail.
 * `Draining`: the pool is draining or closed.
 */
export type HealthState =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Up" }
  | { readonly _tag: "Degraded"; readonly causes: ReadonlyArray<DegradedCause> }
  | { readonly _tag: "Down"; readonly reason: HealthError }
  | { readonly _tag: "Draining" }

/** The health at one instant. Times are wall-clock milliseconds. */
export interface Health {
  readonly state: HealthState
  /** When the state began; a change of its causes or its reason does not count. */
  readonly since: number
  /** Whether a session was opened, or the pool opens none before the first acquire. Stays true. */
  readonly started: boolean
  /** When the last check ended; undefined before the first. */
  readonly checkedAt: number | undefined
  /** Milliseconds of the last round trip of a probe; undefined before the first. */
  readonly latencyMillis: number | undefined
  /** Failed checks in a row. */
  readonly consecutiveFailures: number
  /** The last error, also when it is resolved. */
  readonly lastError: (HealthError & { readonly at: number }) | undefined
}

/** The health before the first check. */
export const startingHealth = (now: number): Health => ({
  state: { _tag: "Starting" },
  since: now,
  started: false,
  checkedAt: undefined,
  latencyMillis: undefined,
  consecutiveFailures: 0,
  lastError: undefined
})

/** Whether the program should receive work; a degraded pool still works. */
export const isReady = ({ state }: Health): boolean => state._tag === "Up" || state._tag === "Degraded"

/** The causes in log lines and probes. */
export const causeTexts: { readonly [Cause in DegradedCause]: string } = {
  saturated: "all available sessions are in use",
  slow: "the server answers slowly",
  ceiling: "the server grants fewer sessions than the pool may open",
  breaker: "new sessions cannot be opened at the moment"
}

/** Changes with the state and its causes. The reason for Down is not part of it: it may vary while the pool is down. */
export const stateKey = ({ state }: Health): string =>
  state._tag === "Degraded" ? `Degraded ${state.causes.join(" ")}` : state._tag

/** The state as a log line and as an event of the history. */
export const stateText = ({ state }: Health): string => {
  switch (state._tag) {
    case "Degraded":
      return `Health: degraded: ${state.causes.map((cause) => causeTexts[cause]).join("; ")}.`
    case "Down":
      return `Health: down: ${sentence(state.reason.message)} ${sentence(state.reason.remedy)}`
    default:
      return `Health: ${state._tag.toLowerCase()}.`
  }
}
