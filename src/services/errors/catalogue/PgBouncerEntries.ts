import { type CatalogueEntry, defineFrom } from "./Entry.ts"
import { capacityPause, passwordPause, poolerPause, recoveryPause } from "./RetryPauses.ts"

const bouncer = defineFrom("PgBouncer 1.18 and 1.25 source, client.c, janitor.c, objects.c, server.c")

/** PgBouncer sends nearly all of its own messages with SQLSTATE 08P01, so only the text distinguishes them. */
const only = (...texts: ReadonlyArray<string>) => ({ sqlState: "08P01", needsText: true, texts })

/** PgBouncer's own errors. */
export const pgbouncerEntries: ReadonlyArray<CatalogueEntry> = [
  bouncer("PGBOUNCER_QUERY_WAIT_TIMEOUT", "capacity", capacityPause, {
    title: "PgBouncer had no free server connection in time",
    explanation:
      "The client was accepted and then waited query_wait_timeout (120 s by default) for a server connection: all " +
      "are in use, or PostgreSQL is unreachable.",
    remedy: "Keep DB_POOL_MAX over all processes below PgBouncer's pool_size, and check whether PostgreSQL is up.",
    matchers: only("query_wait_timeout")
  }),
  bouncer("PGBOUNCER_MAX_CLIENT_CONN", "capacity", capacityPause, {
    title: "PgBouncer accepts no more clients",
    explanation: "One of PgBouncer's limits of client connections is reached.",
    remedy: "Open fewer connections, or raise max_client_conn (or the limit of the database or user) in PgBouncer.",
    matchers: only("no more connections allowed", "client connections exceeded")
  }),
  bouncer("PGBOUNCER_AUTHENTICATION", "auth", "never", {
    after: passwordPause,
    title: "PgBouncer rejected the user or the password",
    explanation: "PgBouncer answers a wrong password and an unknown user with the same error.",
    remedy: "Correct user and password; check auth_file or auth_query of PgBouncer.",
    matchers: only(
      "SASL authentication failed",
      "password authentication failed",
      "certificate authentication failed",
      "PAM authentication failed",
      "LDAP authentication failed",
      "empty password returned by client",
      "no such user",
      "login rejected",
      "unix socket login rejected"
    )
  }),
  bouncer("PGBOUNCER_NO_DATABASE", "configuration", "never", {
    title: "PgBouncer has no such database",
    explanation: "The database is not in PgBouncer's list, and no fallback covers it.",
    remedy: "Correct the database in the connection string, or add it to [databases] of PgBouncer.",
    matchers: only('database "<name>" does not exist', "no such database")
  }),
  bouncer("PGBOUNCER_STARTUP_PARAMETER", "configuration", "never", {
    title: "PgBouncer refuses a startup parameter",
    explanation: "PgBouncer accepts only startup parameters that it tracks or is configured to ignore.",
    remedy:
      "Leave the parameter out (settings are applied by SQL after login), or add it to ignore_startup_parameters.",
    matchers: only("unsupported startup parameter", "unsupported options startup parameter")
  }),
  bouncer("PGBOUNCER_DATABASE_DISABLED", "configuration", "never", {
    title: "the database is disabled in PgBouncer",
    explanation: "An administrator used DISABLE, or the database does not allow connections.",
    remedy: "Use ENABLE on PgBouncer's console.",
    matchers: only('database "<name>" is disabled', 'authentication database "<name>" is disabled')
  }),
  bouncer("PGBOUNCER_DATABASE_REMOVED", "pooler", poolerPause, {
    title: "PgBouncer dropped the database's connections",
    explanation:
      "An administrator used KILL, the database was removed from PgBouncer's configuration, or its entry changed.",
    remedy: "Use RESUME on PgBouncer's console if the database was killed; otherwise try again.",
    matchers: only(
      "database removed",
      "database configuration changed",
      "connect string changed",
      "obsolete connection"
    )
  }),
  bouncer("PGBOUNCER_SERVER_CRASHED", "pooler", poolerPause, {
    title: "PgBouncer lost the server connection of this session",
    explanation:
      "The connection to PostgreSQL ended while the client held it, so the effect of a statement in flight is " +
      "unknown.",
    remedy: "Open another session; PostgreSQL's log has the reason.",
    matchers: only("server conn crashed?", "server connection closed")
  }),
  bouncer("PGBOUNCER_SERVER_LOGIN", "pooler", recoveryPause, {
    title: "PgBouncer cannot log in to PostgreSQL",
    explanation:
      "PgBouncer tried to reach the server and got no session; it waits (server_login_retry, 15 s) and repeats the " +
      "last error meanwhile.",
    remedy: "Read the rest of the message; check whether PostgreSQL is up and accepts PgBouncer's credentials.",
    matchers: only(
      "server login has been failing",
      "server login failed",
      "login failed",
      "connect failed",
      "cannot connect",
      "connect timeout",
      "server DNS lookup failed"
    )
  }),
  bouncer("PGBOUNCER_CLIENT_IDLE_TIMEOUT", "pooler", "now", {
    title: "PgBouncer closed an idle session",
    explanation: "The session was idle for longer than PgBouncer's client_idle_timeout.",
    remedy: "Set DB_POOL_IDLE_TIMEOUT below PgBouncer's client_idle_timeout.",
    matchers: only("client_idle_timeout")
  }),
  bouncer("PGBOUNCER_IDLE_TRANSACTION_TIMEOUT", "pooler", "now", {
    title: "PgBouncer closed a session that was idle in a transaction",
    explanation: "A transaction was open and idle for longer than idle_transaction_timeout; it was rolled back.",
    remedy: "Do no slow work between the statements of a transaction.",
    matchers: only("idle transaction timeout", "transaction timeout")
  }),
  bouncer("PGBOUNCER_QUERY_TIMEOUT", "pooler", "now", {
    title: "PgBouncer ended a session whose statement ran too long",
    explanation:
      "A statement ran longer than query_timeout; PgBouncer 1.18 sends the same message for an idle transaction.",
    remedy: "Raise PgBouncer's query_timeout above DB_STATEMENT_TIMEOUT, or make the statement faster.",
    matchers: only("query_timeout", "query timeout")
  }),
  bouncer("PGBOUNCER_LOGIN_TIMEOUT", "network", poolerPause, {
    title: "the login to PgBouncer took too long",
    explanation:
      "The client did not finish its login within client_login_timeout (60 s by default), or the server did not.",
    remedy:
      "Look for a blocked event loop in this process, a slow network, or a PostgreSQL that accepts no connections.",
    matchers: only("client_login_timeout")
  }),
  bouncer("PGBOUNCER_SHUTTING_DOWN", "pooler", poolerPause, {
    title: "PgBouncer is shutting down",
    explanation: "The pooler stops or is replaced by a new process.",
    remedy: "Nothing, if it restarts; otherwise start it.",
    matchers: only("pooler is shutting down", "server shutting down", "suspend_timeout", "admin forced disconnect")
  }),
  bouncer("PGBOUNCER_TLS_REQUIRED", "configuration", "never", {
    title: "PgBouncer accepts TLS connections only",
    explanation: "client_tls_sslmode requires TLS and the client did not request it.",
    remedy: "Set DB_SSL_MODE=require or better verify-full.",
    matchers: only("SSL required")
  }),
  bouncer("PGBOUNCER_RESOURCES", "capacity", recoveryPause, {
    title: "PgBouncer ran out of memory or descriptors",
    explanation: "PgBouncer's process could not get the memory or descriptor for another connection.",
    remedy: "Raise its file descriptor and memory limits, or lower max_client_conn.",
    matchers: only(
      "bouncer resources exhaustion",
      "out of memory",
      "no memory for",
      "too many servers in the pool",
      "evicted"
    )
  })
]
