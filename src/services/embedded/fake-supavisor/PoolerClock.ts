/** The pooler's times, and a clock that can run them faster than real time. */

/** Milliseconds in Supavisor 2.9; each comment names the file of its source. */
export const poolerTimes = {
  /** Delay of the errors for an unknown tenant and a wrong password (client_handler/error.ex). */
  delayedAnswer: 500,
  /** One step of the authentication (client_handler.ex). */
  authenticationStep: 15_000,
  /** Limit of reading a verifier from the database (auth_query.ex; observed on a local Supavisor 2.9.7). */
  credentialsUnreadable: 10_000,
  /** How often a running pool compares its verifier with the database's (secret_checker.ex). */
  credentialsCheck: 15_000,
  /** In this window wrong passwords make the pool read the verifier again at most three times (refresh_limiter.ex). */
  credentialsRefreshWindow: 60_000,
  /** How long a login in session mode waits for a backend (tenants/user.ex). */
  checkout: 60_000,
  /** TCP connect to PostgreSQL (db_handler.ex). */
  upstreamConnect: 5_000,
  /** Login at PostgreSQL (db_handler.ex). */
  upstreamLogin: 15_000,
  /** Pause after a failed connect (connect_backoff.ex). */
  coolDown: 2_500,
  /** DISCARD ALL, and setting the application name (db_handler.ex). */
  housekeeping: 5_000,
  /** Interval of the ParameterStatus to idle clients (tenants/tenant.ex). */
  heartbeat: 60_000,
  /** How long a stopping pool lets its clients finish (terminator.ex). */
  drain: 5_000,
  /** After this a pool without clients stops (manager.ex). */
  emptyPool: 120_000,
  /** After this an unused backend is closed (tenant_supervisor.ex). */
  idleBackend: 300_000,
  /** How long a login in transaction mode waits for the first backend's parameters (manager.ex). */
  parameterWait: 1_000
} as const

/** The pooler's timers, and a clock that runs `1 / scale` times as fast as real time. */
export class PoolerClock {
  readonly #scale: number
  readonly #timers = new Set<NodeJS.Timeout>()
  #disposed = false

  constructor(scale: number) {
    this.#scale = scale
  }

  /** Pooler milliseconds from an arbitrary start. */
  now(): number {
    return performance.now() / this.#scale
  }

  /** Runs an action after so many pooler milliseconds, at least `leastRealMillis` real ones; the result cancels it. */
  after(millis: number, action: () => void, leastRealMillis = 0): () => void {
    return this.afterReal(Math.max(millis * this.#scale, leastRealMillis), action)
  }

  /** The same in real milliseconds, for limits of work that PostgreSQL and the network do. */
  afterReal(millis: number, action: () => void): () => void {
    if (this.#disposed) return () => {}
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      action()
    }, millis)
    this.#timers.add(timer)
    return () => {
      clearTimeout(timer)
      this.#timers.delete(timer)
    }
  }

  /** Clears every timer and ignores new ones. */
  dispose(): void {
    this.#disposed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
