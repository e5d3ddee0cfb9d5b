/**
 * Decides when the next dial may start, and how many may run at once, from the failures so far. Pure.
 *
 * One backoff applies to all dials of a pool, so a thousand waiting callers dial no more often than one. After a
 * failure dials run one at a time, at intervals that depend on the class of the failure, until one succeeds.
 */
import type { ErrorClass } from "../../errors/catalogue/Entry.ts"

/** Times are monotonic milliseconds. */
export interface DialBackoff {
  /** Consecutive dials that failed. */
  readonly failures: number
  readonly class: ErrorClass | undefined
  /** No dial starts before this instant. */
  readonly notBefore: number
  /** No session is open yet, so dial once before dialling in parallel. */
  readonly firstDialAlone: boolean
  /** Until then a failed dial is part of the pooler's own shutdown and does not count. */
  readonly drainingUntil: number
  /** When the authentication failures of the last window happened. */
  readonly authFailures: ReadonlyArray<number>
}

/** Parallel dials: a login is expensive (TLS, SCRAM, a new backend), and many at once slow each other down. */
const MAX_DIALS = 3

/** The first retries are quick, for a server that is restarting. In milliseconds, as [min, max]. */
const FIRST_RETRIES: ReadonlyArray<readonly [number, number]> = [
  [300, 500],
  [800, 1200]
]

/**
 * Every further retry. Long enough that an outage of a minute costs no more than twenty dials, short enough that the
 * sessions are back within four seconds of the server's return.
 */
const STEADY_RETRY: readonly [number, number] = [3400, 3700]

/** A full pooler frees a slot whenever any client disconnects; a wide spread keeps competing clients apart. */
const CAPACITY_RETRY: readonly [number, number] = [500, 5000]

/** A wrong configuration needs a person to correct it, which may happen while a long-lived process runs. */
const CONFIGURATION_RETRY: readonly [number, number] = [30_000, 60_000]

/**
 * The pooler blocks the whole public address after 10 failures in 150 s (Supavisor 2.9 source, circuit_breaker.ex);
 * several processes may share the address, so dials stop after 3. The pause of 180 s outlasts the pooler's window,
 * because a block does not reset the pooler's count.
 */
const AUTH_WINDOW_MILLIS = 150_000
const AUTH_LIMIT = 3
const AUTH_PAUSE_MILLIS = 180_000

/** After a wrong password: soon (the pooler reloads a rotated password after a failed login), then slowly. */
const AUTH_RETRIES: ReadonlyArray<readonly [number, number]> = [
  [900, 1100],
  [18_000, 22_000]
]

/**
 * A draining pooler sends 57P01 to its sessions and to every login until its old pool is gone five seconds later
 * (Supavisor 2.9 source, terminator.ex).
 */
const POOLER_DRAIN_MILLIS = 5000

/** Retries while the pooler drains: its new pool may be ready at any moment. */
const DRAIN_RETRY: readonly [number, number] = [200, 1000]

/** The first dial runs alone: a wrong password then costs one of the pooler's ten failures, not three. */
export const initialBackoff: DialBackoff = {
  failures: 0,
  class: undefined,
  notBefore: 0,
  firstDialAlone: true,
  drainingUntil: 0,
  authFailures: []
}

export const noBackoff: DialBackoff = { ...initialBackoff, firstDialAlone: false }

const randomBetween = ([min, max]: readonly [number, number], random: number): number => min + (max - min) * random

const recent = (times: ReadonlyArray<number>, now: number): ReadonlyArray<number> =>
  times.filter((at) => now - at < AUTH_WINDOW_MILLIS)

/** The backoff after a dial failed. `retryAfterMillis` is the server's own value; `random` is in [0, 1). */
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

/** The backoff after a dial succeeded. Authentication failures are kept, because the pooler keeps them too. */
export const afterSuccess = (backoff: DialBackoff, now: number): DialBackoff =>
  backoff.failures === 0 && !backoff.firstDialAlone && backoff.authFailures.length === 0
    ? backoff
    : { ...noBackoff, authFailures: recent(backoff.authFailures, now) }

/** The backoff after the last session was lost. */
export const afterOutage = (backoff: DialBackoff): DialBackoff =>
  backoff.firstDialAlone ? backoff : { ...backoff, firstDialAlone: true }

/** The backoff after a session was closed by a shutdown of the server or pooler. */
export const afterShutdown = (backoff: DialBackoff, now: number): DialBackoff => ({
  ...backoff,
  drainingUntil: now + POOLER_DRAIN_MILLIS
})

/** The end of the pause after the last of three authentication failures; negative infinity when there is none. */
export const pausedUntil = (authFailures: ReadonlyArray<number>, now: number): number => {
  const failures = recent(authFailures, now)
  const last = failures.at(-1)
  return last !== undefined && failures.length >= AUTH_LIMIT ? last + AUTH_PAUSE_MILLIS : Number.NEGATIVE_INFINITY
}

/** After authentication failures of other pools with the same endpoint and role: the pooler adds them up. */
export const withAuthFailures = (
  backoff: DialBackoff,
  authFailures: ReadonlyArray<number>,
  now: number
): DialBackoff => {
  const notBefore = Math.max(backoff.notBefore, pausedUntil(authFailures, now))
  return { ...backoff, authFailures: recent(authFailures, now), notBefore }
}

/** At most as many as may still fail with a wrong password, also after a dial in between has succeeded. */
const maxDials = (backoff: DialBackoff, now: number): number =>
  Math.max(1, Math.min(MAX_DIALS, AUTH_LIMIT - recent(backoff.authFailures, now).length))

/**
 * Whether another dial may start beside those in progress, of which `fresh` are not slow. After a failure dials run one
 * at a time. A first dial that hangs is followed by another.
 */
export const allowsDial = (backoff: DialBackoff, inProgress: number, fresh: number, now: number): boolean => {
  if (now < backoff.notBefore || inProgress >= maxDials(backoff, now)) return false
  if (backoff.failures > 0) return inProgress === 0
  return backoff.firstDialAlone ? fresh === 0 : true
}
