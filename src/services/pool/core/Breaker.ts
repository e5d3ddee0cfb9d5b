/**
 * The pool's three breakers, as a person asks for them: is the way to the server open, is there room, are we let in.
 *
 * They are views of what the dial backoff and the ceiling remember, not switches beside them, so the two can never
 * disagree. Live sessions are kept and lent whatever a breaker says.
 */
import type { Ceiling } from "./Ceiling.ts"
import type { DialBackoff } from "./DialBackoff.ts"

/** `closed`: dials go. `open`: none before `retryAt`. `half-open`: the next dial decides. */
export type BreakerState = "closed" | "open" | "half-open"

/** One breaker; `retryInMillis` is undefined unless it is open. */
export interface Breaker {
  readonly state: BreakerState
  readonly retryInMillis: number | undefined
}

/** The three of them, for one endpoint and role. */
export interface Breakers {
  readonly network: Breaker
  readonly capacity: Breaker
  readonly auth: Breaker
}

const closed: Breaker = { state: "closed", retryInMillis: undefined }

const until = (at: number, now: number): Breaker =>
  now < at ? { state: "open", retryInMillis: at - now } : { state: "half-open", retryInMillis: undefined }

/** Reads the breakers off the backoff and the ceiling. Times are monotonic milliseconds. */
export const breakersOf = (backoff: DialBackoff, ceiling: Ceiling, now: number): Breakers => {
  const failing = backoff.failures > 0
  const refused = ceiling.held !== undefined
  return {
    network:
      failing && (backoff.class === "network" || backoff.class === "pooler") ? until(backoff.notBefore, now) : closed,
    capacity:
      failing && backoff.class === "capacity"
        ? until(backoff.notBefore, now)
        : refused
          ? until(ceiling.growAt, now)
          : closed,
    auth: failing && backoff.class === "auth" ? until(backoff.notBefore, now) : closed
  }
}
