/**
 * When the next dial may start, and how many at once: pure, from the failures so far.
 *
 * The pool has one gate for all its dials, so that a thousand waiting callers dial no more often than one. It is
 * wide open until a dial fails; then dials go one at a time, at intervals by the class of the failure, until one
 * succeeds.
 */
import type { ErrorClass } from "../error-catalogue/Entry.ts"

/** What the gate remembers. Times are monotonic milliseconds. */
export interface DialGate {
  /** Dials in a row that failed. */
  readonly failures: number
  readonly class: ErrorClass | undefined
  /** No dial starts before this instant. */
  readonly notBefore: number
  /** All sessions were lost at once: the first dial goes alone, to see what is the matter. */
  readonly scouting: boolean
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

export const initialGate: DialGate = {
  failures: 0,
  class: undefined,
  notBefore: 0,
  scouting: false,
  authFailures: []
}

const between = ([least, most]: readonly [number, number], random: number): number => least + (most - least) * random

const within = (times: ReadonlyArray<number>, now: number): ReadonlyArray<number> =>
  times.filter((at) => now - at < AUTH_WINDOW_MILLIS)

/** The gate after a dial failed. `retryAfter` is what the other side asked for; `random` is in [0, 1). */
export const afterFailure = (
  gate: DialGate,
  failure: { readonly class: ErrorClass; readonly retryAfterMillis: number | undefined },
  now: number,
  random: number
): DialGate => {
  const failures = gate.failures + 1
  const authFailures = failure.class === "auth" ? [...within(gate.authFailures, now), now] : gate.authFailures
  const wait = Math.max(pause(failure.class, failures, authFailures.length, random), failure.retryAfterMillis ?? 0)
  return { failures, class: failure.class, notBefore: now + wait, scouting: false, authFailures }
}

const pause = (kind: ErrorClass, failures: number, authFailures: number, random: number): number => {
  switch (kind) {
    case "auth":
      return authFailures >= AUTH_LIMIT
        ? AUTH_PAUSE_MILLIS
        : between(AUTH_RETRIES[authFailures - 1] ?? AUTH_RETRIES[AUTH_RETRIES.length - 1]!, random)
    case "configuration":
      return between(CONFIGURATION_RETRY, random)
    case "capacity":
      return between(CAPACITY_RETRY, random)
    default:
      return between(FIRST_RETRIES[failures - 1] ?? STEADY_RETRY, random)
  }
}

/** The gate after a dial succeeded: open again. Authentication failures are kept, the pooler keeps them too. */
export const afterSuccess = (gate: DialGate, now: number): DialGate =>
  gate.failures === 0 && !gate.scouting && gate.authFailures.length === 0
    ? gate
    : { ...initialGate, authFailures: within(gate.authFailures, now) }

/** The gate after the last session was lost. */
export const afterOutage = (gate: DialGate): DialGate => (gate.scouting ? gate : { ...gate, scouting: true })

/**
 * How many dials may be under way at once: no more than may still fail for a wrong password, because a success in
 * between opens the gate, and then all that are under way could be refused together.
 */
export const concurrency = (gate: DialGate, now: number): number => {
  if (gate.failures > 0 || gate.scouting) return 1
  if (gate.authFailures.length === 0) return MAX_DIALS
  return Math.max(1, Math.min(MAX_DIALS, AUTH_LIMIT - within(gate.authFailures, now).length))
}
