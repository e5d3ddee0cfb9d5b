/** Blocks after too many failures in a sliding window (Supavisor 2.9 source, circuit_breaker.ex, sliding_window.ex). */
import type { PoolerClock } from "./PoolerClock.ts"

/** For wrong passwords and broken logins of one address at one tenant. */
export const loginLimits = { failures: 10, windowMillis: 150_000, blockMillis: 120_000 }

/** For verifiers of one tenant that could not be read from its database. */
export const credentialLimits: typeof loginLimits = { failures: 5, windowMillis: 300_000, blockMillis: 30_000 }

interface Track {
  windowStart: number
  previous: number
  current: number
  blockedUntil: number
}

export class AuthBreaker {
  readonly #limits: typeof loginLimits
  readonly #clock: PoolerClock
  readonly #tracks = new Map<string, Track>()

  constructor(limits: typeof loginLimits, clock: PoolerClock) {
    this.#limits = limits
    this.#clock = clock
  }

  isBlocked(key: string): boolean {
    return (this.#tracks.get(key)?.blockedUntil ?? 0) > this.#clock.now()
  }

  /** Counts a failure. A block does not clear the count, so one more failure soon after it blocks again. */
  fail(key: string): void {
    const { blockMillis, failures, windowMillis } = this.#limits
    const now = this.#clock.now()
    const track = this.#tracks.get(key) ?? { windowStart: now, previous: 0, current: 0, blockedUntil: 0 }
    this.#tracks.set(key, track)
    const windows = Math.floor((now - track.windowStart) / windowMillis)
    if (windows > 0) {
      track.previous = windows === 1 ? track.current : 0
      track.current = 0
      track.windowStart += windows * windowMillis
    }
    track.current += 1
    const share = (windowMillis - (now - track.windowStart)) / windowMillis
    if (Math.round(track.previous * share + track.current) >= failures) track.blockedUntil = now + blockMillis
  }

  /** Removes every block and count, as an operator can. */
  clear(): void {
    this.#tracks.clear()
  }
}
