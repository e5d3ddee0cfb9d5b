/**
 * How many sessions the other side lets this pool have: learned from its refusals, tried again at growing intervals.
 *
 * A pooler in session mode does not queue: the client over its limit is refused at once (Supavisor since 2.8,
 * `EMAXCONNSESSION`). What the pool holds at that moment is what it can have; the number in the refusal is the
 * pooler's size, which others may share.
 */

/** What is known of the ceiling. Times are monotonic milliseconds. */
export interface Ceiling {
  /** Sessions of ours that were standing when one more was refused; undefined while nothing was refused. */
  readonly held: number | undefined
  /** The pool size that the refusal named. */
  readonly poolerSize: number | undefined
  /** From then on one more may be tried. */
  readonly growAt: number
  readonly interval: number
}

/** The first interval until one more is tried, in milliseconds; it doubles with every refusal. */
const FIRST_INTERVAL_MILLIS = 1000

/** The longest interval: a slot freed by another client is noticed within a minute. */
const MAX_INTERVAL_MILLIS = 60_000

export const noCeiling: Ceiling = { held: undefined, poolerSize: undefined, growAt: 0, interval: 0 }

/** The ceiling after a refusal while `held` sessions stood. Half of the interval is jitter; `random` is in [0, 1). */
export const afterRefusal = (
  ceiling: Ceiling,
  held: number,
  poolerSize: number | undefined,
  now: number,
  random: number
): Ceiling => {
  const interval = Math.min(MAX_INTERVAL_MILLIS, ceiling.interval === 0 ? FIRST_INTERVAL_MILLIS : ceiling.interval * 2)
  return {
    held,
    poolerSize: poolerSize ?? ceiling.poolerSize,
    growAt: now + interval / 2 + (interval / 2) * random,
    interval
  }
}

/** The ceiling after a session was granted, `open` now standing: it rises with what is granted, and goes at `max`. */
export const afterGrant = (ceiling: Ceiling, open: number, max: number, now: number): Ceiling => {
  if (ceiling.held === undefined) return ceiling
  if (open >= max) return noCeiling
  return open > ceiling.held ? { ...ceiling, held: open, growAt: now, interval: 0 } : ceiling
}

/** How many sessions may stand or be under way now. Never below one: with none of ours a dial is the only way on. */
export const limit = (ceiling: Ceiling, max: number, now: number): number =>
  ceiling.held === undefined ? max : Math.max(1, Math.min(max, now >= ceiling.growAt ? ceiling.held + 1 : ceiling.held))

/** The ceiling as it is shown. */
export const reported = (ceiling: Ceiling, max: number): number =>
  ceiling.held === undefined ? max : Math.max(1, ceiling.held)
