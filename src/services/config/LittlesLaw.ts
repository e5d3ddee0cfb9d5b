/** How many sessions a load needs. */
import { forOperations } from "./PoolSizing.ts"
import { MILLIS_PER_SECOND } from "../errors/Units.ts"

/** What came and went in a span of time. */
export interface Load {
  readonly windowMillis: number
  /** Callers who wanted a session, whether they got one or not. */
  readonly arrivals: number
  /** Callers who gave their session back. */
  readonly leases: number
  /** How long those held their sessions, together, in milliseconds. */
  readonly heldMillis: number
}

/** The sessions a load asks for. */
export interface Demand {
  readonly arrivalsPerSecond: number
  readonly meanUseMillis: number
  /** How many sessions are in use on average when nobody has to wait. */
  readonly busy: number
  /** With the same buffer of 20 % that operations get. */
  readonly sessions: number
}

/**
 * Little's law (J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", 1961): sessions in use on average are
 * the callers per second times the seconds each one holds a session.
 *
 * Callers who were turned away count, because they would have come in. Undefined while nothing can be said: nobody has
 * come, or nobody has given a session back.
 */
export const demandOf = ({ arrivals, heldMillis, leases, windowMillis }: Load): Demand | undefined => {
  if (arrivals <= 0 || leases <= 0 || windowMillis <= 0) return undefined
  const meanUseMillis = heldMillis / leases
  const busy = (arrivals * meanUseMillis) / windowMillis
  return {
    arrivalsPerSecond: (arrivals * MILLIS_PER_SECOND) / windowMillis,
    meanUseMillis,
    busy,
    sessions: forOperations(busy).max
  }
}
