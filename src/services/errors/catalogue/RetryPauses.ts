/** Milliseconds before another try, by the cause of the failure. */

/** The first wait after the pooler refused one more session: a closed session's slot was observed free within 41 ms. */
export const capacityPause = 500

/** Supavisor restarts a lost worker or pool process at once; this spares it a burst of logins. */
export const poolerPause = 1_000

/** Supavisor 2.9 waits this long before it tries an unreachable PostgreSQL again (db_handler.ex). */
export const databaseCoolDown = 2_500

/** Supavisor 2.9 refuses logins this long after five failed look-ups of credentials (circuit_breaker.ex). */
export const credentialBlock = 30_000

/**
 * The block itself is 120 s (Supavisor 2.9, circuit_breaker.ex), but it does not clear the counter of the 150 s window:
 * one more failure up to about 170 s after the first one blocks again.
 */
export const authenticationBlock = 180_000

/**
 * Three wrong passwords a minute stay below the ten in 150 s that block the address (Supavisor 2.9,
 * circuit_breaker.ex).
 */
export const passwordPause = 20_000

/** Time for a network to recover. */
export const networkPause = 1_000

/** PostgreSQL recovers from a crash or finishes starting in seconds, seldom in less than one. */
export const recoveryPause = 2_000
