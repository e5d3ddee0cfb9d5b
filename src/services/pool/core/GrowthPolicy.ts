/**
 * Decides whether another session should be dialled, and when to decide again. Pure. Callers wait for any session,
 * never for a particular dial: the pool needs as many dials as there are waiters, and a slow dial no longer counts.
 */
import * as Ceiling from "./Ceiling.ts"
import * as DialBackoff from "./DialBackoff.ts"

/**
 * A dial that takes longer no longer counts: another may start beside it.
 *
 * Well above the 500 ms by which the pooler delays its answer to a wrong password (Supavisor 2.9 source,
 * client_handler/error.ex), with DNS, TLS and SCRAM before it: a second dial would be a second failure.
 */
export const SLOW_DIAL_MILLIS = 2000

/** The state of the pool that the decision depends on. Times are monotonic milliseconds. */
export interface GrowthInput {
  readonly backoff: DialBackoff.DialBackoff
  readonly ceiling: Ceiling.Ceiling
  readonly limits: { readonly max: number }
  /** Sessions to keep open without traffic. */
  readonly targetOpen: number
  readonly open: number
  readonly total: number
  readonly waiters: { readonly size: number }
  readonly probing: number
  /** The start of each dial in progress. */
  readonly dials: ReadonlyMap<number, number>
  /** A session waits for its replacement. */
  readonly isRotating: boolean
}

/** Whether a dial should start now. */
export const shouldDial = (pool: GrowthInput, now: number): boolean => {
  // Checked first because a full pool comes here at every release; no other limit is above its size.
  const { max } = pool.limits
  if (pool.total >= max) return false
  let fresh = 0
  for (const began of pool.dials.values()) if (now - began < SLOW_DIAL_MILLIS) fresh++
  if (!DialBackoff.allowsDial(pool.backoff, pool.dials.size, fresh, now)) return false
  const limit = Ceiling.limit(pool.ceiling, max, now)
  if (pool.total >= limit) return false
  if (pool.open + pool.dials.size < Math.min(pool.targetOpen, limit)) return true
  if (pool.isRotating && pool.dials.size === 0) return true
  return pool.waiters.size > pool.probing + fresh
}

/** The next instant when `shouldDial` may change through time alone; infinity when it does not. */
export const nextDialAt = (pool: GrowthInput, now: number): number => {
  if (pool.waiters.size === 0 && pool.open >= pool.targetOpen && !pool.isRotating) return Number.POSITIVE_INFINITY
  let at = Number.POSITIVE_INFINITY
  if (pool.backoff.notBefore > now) at = pool.backoff.notBefore
  if (pool.ceiling.held !== undefined && pool.ceiling.growAt > now) at = Math.min(at, pool.ceiling.growAt)
  for (const began of pool.dials.values()) {
    if (began + SLOW_DIAL_MILLIS > now) at = Math.min(at, began + SLOW_DIAL_MILLIS)
  }
  return at
}
