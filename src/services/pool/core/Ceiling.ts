/**
 * How many sessions the server or pooler lets this pool have: learned when a dial is refused, retried at growing
 * intervals.
 *
 * A pooler in session mode does not queue: it refuses a client over its limit at once (Supavisor since 2.8,
 * `EMAXCONNSESSION`). The number of sessions this pool holds at that moment is what it can have; the number in the
 * error is the pooler's size, which other clients may share.
 */

/** The state of the ceiling. Times are monotonic milliseconds. */
export interface Ceiling {
  /** Open sessions of this pool when the last dial was refused; undefined before the first time. */
  readonly held: number | undefined
  /** The pool size named in the error. */
  readonly poolerSize: number | undefined
  /** From then on one more session may be tried. */
  readonly growAt: number
  readonly interval: number
}

/** The first interval until one more session is tried, in milliseconds; it doubles every time a dial is refused. */
const FIRST_INTERVAL_MILLIS = 1000

/** The longest interval: a slot freed by another client is noticed within a minute. */
const MAX_INTERVAL_MILLIS = 60_000

export const noCeiling: Ceiling = { held: undefined, poolerSize: undefined, growAt: 0, interval: 0 }

/** After a dial was refused while `held` sessions were open. Half of the interval is jitter; `random` is in [0, 1). */
export const afterRefused = (
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

/** After a dial succeeded, with `open` sessions now: the ceiling rises with them and is removed at `max`. */
export const afterOpened = (ceiling: Ceiling, open: number, max: number, now: number): Ceiling => {
  if (ceiling.held === undefined) return ceiling
  if (open >= max) return noCeiling
  return open > ceiling.held ? { ...ceiling, held: open, growAt: now, interval: 0 } : ceiling
}

/** How many sessions may be open or dialling now. At least one: without a session, only a dial can find out more. */
export const limit = (ceiling: Ceiling, max: number, now: number): number =>
  ceiling.held === undefined ? max : Math.max(1, Math.min(max, now >= ceiling.growAt ? ceiling.held + 1 : ceiling.held))

/** The ceiling for snapshots. */
export const reported = (ceiling: Ceiling, max: number): number =>
  ceiling.held === undefined ? max : Math.max(1, ceiling.held)
