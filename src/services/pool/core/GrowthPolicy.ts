/**
 * Whether another session is wanted, and when that should be asked again: pure, from what stands and who waits.
 *
 * Callers wait for any session, never for a dial of their own. So dials are counted against those who wait, a slow
 * one is not counted any more, and none is begun when nobody would miss it.
 */
import * as Ceiling from "./Ceiling.ts"
import * as DialBackoff from "./DialBackoff.ts"

/** A dial slower than this is not counted on any more: another may start beside it for those who wait. */
export const SLOW_DIAL_MILLIS = 500

/** What the decision rests on. Times are monotonic milliseconds. */
export interface GrowthInput {
  readonly backoff: DialBackoff.DialBackoff
  readonly ceiling: Ceiling.Ceiling
  readonly max: number
  /** Sessions to hold without traffic. */
  readonly targetOpen: number
  readonly open: number
  readonly total: number
  readonly waiting: number
  readonly probing: number
  /** When each dial under way began. */
  readonly dials: ReadonlyMap<number, number>
  /** A session waits for its replacement. */
  readonly rotating: boolean
}

/** Whether a dial should start now. */
export const shouldDial = (view: GrowthInput, now: number): boolean => {
  // A pool that is full asks this whenever a session comes back; no limit is above its size.
  if (view.total >= view.max) return false
  let fresh = 0
  for (const began of view.dials.values()) if (now - began < SLOW_DIAL_MILLIS) fresh++
  if (!DialBackoff.allowsDial(view.backoff, view.dials.size, fresh, now)) return false
  const limit = Ceiling.limit(view.ceiling, view.max, now)
  if (view.total >= limit) return false
  if (view.open + view.dials.size < Math.min(view.targetOpen, limit)) return true
  if (view.rotating && view.dials.size === 0) return true
  return view.waiting > view.probing + fresh
}

/** The next instant at which the answer may change by the passing of time alone; infinity when it does not. */
export const nextDialAt = (view: GrowthInput, now: number): number => {
  if (view.waiting === 0 && view.open >= view.targetOpen && !view.rotating) return Number.POSITIVE_INFINITY
  let at = Number.POSITIVE_INFINITY
  if (view.backoff.notBefore > now) at = view.backoff.notBefore
  if (view.ceiling.held !== undefined && view.ceiling.growAt > now) at = Math.min(at, view.ceiling.growAt)
  for (const began of view.dials.values()) {
    if (began + SLOW_DIAL_MILLIS > now) at = Math.min(at, began + SLOW_DIAL_MILLIS)
  }
  return at
}
