/**
 * The pool's three circuit breakers: network, capacity and authentication. They are views of the dial backoff and the
 * ceiling, so they cannot contradict them. Open sessions stay in use whatever a breaker's state is.
 */
import type { Ceiling } from "./Ceiling.ts"
import type { DialBackoff } from "./DialBackoff.ts"

/** `closed`: dials are allowed. `open`: no dial for `retryInMillis`. `half-open`: the next dial decides. */
export type BreakerState = "closed" | "open" | "half-open"

/** One breaker; `retryInMillis` is undefined unless it is open. */
export interface Breaker {
  readonly state: BreakerState
  readonly retryInMillis: number | undefined
}

/** The breakers of one endpoint and role. */
export interface Breakers {
  readonly network: Breaker
  readonly capacity: Breaker
  readonly auth: Breaker
}

const closed: Breaker = { state: "closed", retryInMillis: undefined }

const openUntil = (at: number, now: number): Breaker =>
  now < at ? { state: "open", retryInMillis: at - now } : { state: "half-open", retryInMillis: undefined }

/** Derives the breakers. Times are monotonic milliseconds. */
export const breakersOf = (backoff: DialBackoff, ceiling: Ceiling, now: number): Breakers => {
  const failing = backoff.failures > 0 ? backoff.class : undefined
  const retry = openUntil(backoff.notBefore, now)
  const growth = ceiling.held === undefined ? closed : openUntil(ceiling.growAt, now)
  return {
    network: failing === "network" || failing === "pooler" ? retry : closed,
    capacity: failing === "capacity" ? retry : growth,
    auth: failing === "auth" ? retry : closed
  }
}
