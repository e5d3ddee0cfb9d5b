/** The number of sessions that a load needs. */
import { forOperations } from "./PoolSizing.ts"
import { MILLIS_PER_SECOND } from "../errors/Units.ts"

/** The load of a pool during a time window. */
export interface Load {
  readonly windowMillis: number
  /** Callers that requested a session, with or without success. */
  readonly arrivals: number
  /** Leases that ended. */
  readonly leases: number
  /** The total duration of those leases, in milliseconds. */
  readonly heldMillis: number
}

/** The sessions that a load needs. */
export interface Demand {
  readonly arrivalsPerSecond: number
  readonly meanUseMillis: number
  /** Sessions in use on average while no caller waits. */
  readonly busy: number
  /** With the buffer of 20 % that operations get. */
  readonly sessions: number
}

/**
 * Little's law (J. D. C. Little, "A Proof for the Queuing Formula: L = lambda W", 1961): sessions in use on average are
 * the callers per second times the seconds each one holds a session.
 *
 * Refused callers count as arrivals. Undefined without arrivals or without an ended lease.
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
