/** The pooler's own times, and a clock on which they can pass faster than on the wall. */

/** Milliseconds, each as Supavisor 2.9 has it; the file named is of its source. */
export const poolerTimes = {
  /** Answers to an unknown tenant and to a wrong password are held back (client_handler/error.ex). */
  heldBackAnswer: 500,
  /** One step of the authentication (client_handler.ex). */
  authenticationStep: 15_000,
  /** A verifier that could not be read from the database (auth_query.ex; observed on a local Supavisor 2.9.7). */
  credentialsUnreadable: 10_000,
  /** How often a live pool compares the verifier it keeps with the database's (secret_checker.ex). */
  credentialsCheck: 15_000,
  /** How often a wrong password may make the pool read the verifier again: three times in this (refresh_limiter.ex). */
  credentialsRefreshWindow: 60_000,
  /** A login in session mode waits this long for a backend; older versions queued for it (tenants/user.ex). */
  checkout: 60_000,
  /** TCP connect to PostgreSQL (db_handler.ex). */
  upstreamConnect: 5_000,
  /** Login at PostgreSQL (db_handler.ex). */
  upstreamLogin: 15_000,
  /** After a failed connect the pool rests (connect_backoff.ex). */
  coolDown: 2_500,
  /** DISCARD ALL, and setting the application name (db_handler.ex). */
  housekeeping: 5_000,
  /** Idle clients get a ParameterStatus (tenants/tenant.ex). */
  heartbeat: 60_000,
  /** A pool that stops lets its clients finish (terminator.ex). */
  drain: 5_000,
  /** A pool without clients stops (manager.ex). */
  emptyPool: 120_000,
  /** A pooled backend that nobody uses is closed (tenant_supervisor.ex). */
  idleBackend: 300_000,
  /** How long a login in transaction mode waits for the first backend's parameters (manager.ex). */
  parameterWait: 1_000
} as const

/** Timers that all end with their pooler, and a clock that runs `1 / scale` times as fast as the wall's. */
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

  /**
   * Runs an action after so many pooler milliseconds, and not before so many of the wall, unless the returned function
   * is called before.
   */
  after(millis: number, action: () => void, leastRealMillis = 0): () => void {
    return this.afterReal(Math.max(millis * this.#scale, leastRealMillis), action)
  }

  /** The same in milliseconds of the wall, for guards of work that PostgreSQL and the network really have to do. */
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

  /** Clears every timer, and sets no more. */
  dispose(): void {
    this.#disposed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
