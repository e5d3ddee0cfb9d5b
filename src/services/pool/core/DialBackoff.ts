/**
 * When the next dial may start, and how many at once: pure, from the failures so far.
 *
 * The pool has one backoff for all its dials, so that a thousand waiting callers dial no more often than one. It is
 * wide open until a dial fails; then dials go one at a time, at intervals by the class of the failure, until one
 * succeeds.
 */
import type { ErrorClass } from "../../errors/catalogue/Entry.ts"

/** What the backoff remembers. Times are monotonic milliseconds. */
export interface DialBackoff {
  /** Dials in a row that failed. */
  readonly failures: number
  readonly class: ErrorClass | undefined
  /** No dial starts before this instant. */
  readonly notBefore: number
  /** Nothing stands that proves the way: the first dial goes alone, to see what is the matter. */
  readonly firstDialAlone: boolean
  /** Until then a refusal is the other side's own shutdown going on, and counts for nothing. */
  readonly drainingUntil: number
  /** When the authentication failures of the last window happened. */
  readonly authFailures: ReadonlyArray<number>
}

/** Dials at a time while all goes well: logins are dear (TLS, SCRAM, a backend), and a storm of them dearer. */
const MAX_DIALS = 3

/** The first retry comes quickly, for a server that is merely restarting; in milliseconds, as [least, most]. */
const FIRST_RETRIES: ReadonlyArray<readonly [number, number]> = [
  [300, 500],
  [800, 1200]
]

/**
 * Every further retry. Long enough that an outage of a minute costs no more than twenty dials, short enough that the
 * sessions are back within four seconds of the server's return.
 */
const STEADY_RETRY: readonly [number, number] = [3400, 3700]

/** A pooler that is full frees a slot whenever anybody leaves: tried more evenly, spread widely among competitors. */
const CAPACITY_RETRY: readonly [number, number] = [500, 5000]

/** A wrong configuration does not heal by itself, but a long-lived process may see it put right. */
const CONFIGURATION_RETRY: readonly [number, number] = [30_000, 60_000]

/**
 * The pooler blocks the whole public address after 10 failures in 150 s (Supavisor 2.9 source, circuit_breaker.ex);
 * several processes may share the address, so we stop at 3 and stay away until the oldest are forgotten: 180 s,
 * because a block does not clear the pooler's own count.
 */
const AUTH_WINDOW_MILLIS = 150_000
const AUTH_LIMIT = 3
const AUTH_PAUSE_MILLIS = 180_000

/** After a wrong password: once soon (a rotated password is refreshed by the failed try), then slowly. */
const AUTH_RETRIES: ReadonlyArray<readonly [number, number]> = [
  [900, 1100],
  [18_000, 22_000]
]

/**
 * A pooler that drains says 57P01 to its sessions and to every login until the old pool is gone, five seconds later
 * (Supavisor 2.9 source, terminator.ex).
 */
const POOLER_DRAIN_MILLIS = 5000

/** Between tries while it drains: the new pool may stand at any moment. */
const DRAIN_RETRY: readonly [number, number] = [200, 1000]

/** The first dial of all goes alone: a wrong password costs one failure of the pooler's ten, not three. */
export const initialBackoff: DialBackoff = {
  failures: 0,
  class: undefined,
  notBefore: 0,
  firstDialAlone: true,
  drainingUntil: 0,
  authFailures: []
}

/** All goes well. */
export const noBackoff: DialBackoff = { ...initialBackoff, firstDialAlone: false }

const randomBetween = ([least, most]: readonly [number, number], random: number): number =>
  least + (most - least) * random

const recent = (times: ReadonlyArray<number>, now: number): ReadonlyArray<number> =>
  times.filter((at) => now - at < AUTH_WINDOW_MILLIS)

/** The backoff after a dial failed. `retryAfter` is what the other side asked for; `random` is in [0, 1). */
export const afterFailure = (
  backoff: DialBackoff,
  failure: { readonly class: ErrorClass; readonly retryAfterMillis: number | undefined },
  now: number,
  random: number
): DialBackoff => {
  if (failure.class === "pooler" && now < backoff.drainingUntil) {
    return { ...backoff, notBefore: now + randomBetween(DRAIN_RETRY, random), firstDialAlone: true }
  }
  const failures = backoff.failures + 1
  const authFailures = failure.class === "auth" ? [...recent(backoff.authFailures, now), now] : backoff.authFailures
  const wait = Math.max(pause(failure.class, failures, authFailures.length, random), failure.retryAfterMillis ?? 0)
  return { ...backoff, failures, class: failure.class, notBefore: now + wait, firstDialAlone: false, authFailures }
}

const pause = (kind: ErrorClass, failures: number, authFailures: number, random: number): number => {
  switch (kind) {
    case "auth":
      return authFailures >= AUTH_LIMIT
        ? AUTH_PAUSE_MILLIS
        : randomBetween(AUTH_RETRIES[authFailures - 1] ?? AUTH_RETRIES[AUTH_RETRIES.length - 1]!, random)
    case "configuration":
      return randomBetween(CONFIGURATION_RETRY, random)
    case "capacity":
      return randomBetween(CAPACITY_RETRY, random)
    default:
      return randomBetween(FIRST_RETRIES[failures - 1] ?? STEADY_RETRY, random)
  }
}

/** The backoff after a dial succeeded: open again. Authentication failures are kept, the pooler keeps them too. */
export const afterSuccess = (backoff: DialBackoff, now: number): DialBackoff =>
  backoff.failures === 0 && !backoff.firstDialAlone && backoff.authFailures.length === 0
    ? backoff
    : { ...noBackoff, authFailures: recent(backoff.authFailures, now) }

/** The backoff after the last session was lost. */
export const afterOutage = (backoff: DialBackoff): DialBackoff =>
  backoff.firstDialAlone ? backoff : { ...backoff, firstDialAlone: true }

/** The backoff after the other side said that it shuts down. */
export const afterShutdown = (backoff: DialBackoff, now: number): DialBackoff => ({
  ...backoff,
  drainingUntil: now + POOLER_DRAIN_MILLIS
})

/**
 * The backoff of a pool that hears of the authentication failures of others at the same endpoint and role: the pooler
 * counts them together, so they are counted together here.
 */
export const withAuthFailures = (
  backoff: DialBackoff,
  authFailures: ReadonlyArray<number>,
  now: number
): DialBackoff => {
  const failures = recent(authFailures, now)
  const last = failures.at(-1)
  const pausedUntil = last !== undefined && failures.length >= AUTH_LIMIT ? last + AUTH_PAUSE_MILLIS : 0
  return { ...backoff, authFailures: failures, notBefore: Math.max(backoff.notBefore, pausedUntil) }
}

/** As many as may still fail for a wrong password: a success in between must not let more of them be refused together. */
const maxDials = (backoff: DialBackoff, now: number): number =>
  Math.max(1, Math.min(MAX_DIALS, AUTH_LIMIT - recent(backoff.authFailures, now).length))

/**
 * Whether another dial may start beside those under way, of which `fresh` are not slow. After a failure they go one at
 * a time; a scout that hangs is followed by another, so that it delays nobody.
 */
export const allowsDial = (backoff: DialBackoff, underWay: number, fresh: number, now: number): boolean => {
  if (now < backoff.notBefore || underWay >= maxDials(backoff, now)) return false
  if (backoff.failures > 0) return underWay === 0
  return backoff.firstDialAlone ? fresh === 0 : true
}
