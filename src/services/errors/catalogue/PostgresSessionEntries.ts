import { type CatalogueEntry, defineFrom } from "./Entry.ts"
import { databaseCoolDown, passwordPause, poolerPause, recoveryPause } from "./RetryPauses.ts"

const backend = "PostgreSQL docs, errcodes-appendix; PostgreSQL source, postinit.c, proc.c"

const postgres = defineFrom("PostgreSQL docs, errcodes-appendix")

const pausedRemedy = "Nothing: the pool opens new sessions by itself. If it persists, read the database's log."

/** Errors with which PostgreSQL refuses or ends a session. */
export const postgresSessionEntries: ReadonlyArray<CatalogueEntry> = [
  postgres("53300_RESERVED", "capacity", recoveryPause, {
    title: "PostgreSQL's last connection slots are reserved",
    explanation:
      "All ordinary slots of max_connections are in use; the pooler keeps idle connections for minutes, so unused " +
      "pools can hold them.",
    remedy:
      "Use fewer roles, databases and modes behind the pooler, close idle clients, or move to a larger compute size.",
    source: backend,
    matchers: { sqlState: "53300", needsText: true, texts: ["remaining connection slots are reserved"] }
  }),
  postgres("53300_ROLE", "capacity", recoveryPause, {
    title: "the role's connection limit is reached",
    explanation: "The role has a CONNECTION LIMIT, and as many sessions of it exist.",
    remedy: "Lower DB_POOL_MAX, or raise the limit: ALTER ROLE ... CONNECTION LIMIT n.",
    source: backend,
    matchers: { sqlState: "53300", needsText: true, texts: ['too many connections for role "<role>"'] }
  }),
  postgres("53300_DATABASE", "capacity", recoveryPause, {
    title: "the database's connection limit is reached",
    explanation: "The database has a CONNECTION LIMIT, and as many sessions in it exist.",
    remedy: "Lower DB_POOL_MAX, or raise the limit: ALTER DATABASE ... CONNECTION LIMIT n.",
    source: backend,
    matchers: { sqlState: "53300", needsText: true, texts: ['too many connections for database "<database>"'] }
  }),
  postgres("53300", "capacity", recoveryPause, {
    title: "PostgreSQL has no free connection slot",
    explanation: "max_connections is reached over all clients, poolers and services of the database.",
    remedy: "Close idle clients, lower the pools of all processes together, or move to a larger compute size.",
    matchers: { sqlState: "53300", texts: ["sorry, too many clients already"] }
  }),
  postgres("57P01", "pooler", poolerPause, {
    title: "an administrator ended the session",
    explanation:
      "PostgreSQL stopped or restarted, pg_terminate_backend was called, or the pooler drained this pool because " +
      "its settings changed. All three send the same message.",
    remedy: pausedRemedy,
    source: "PostgreSQL docs, errcodes-appendix; Supavisor 2.9 source, protocol/server.ex",
    matchers: { sqlState: "57P01", texts: ["terminating connection due to administrator command"] }
  }),
  postgres("57P02", "pooler", recoveryPause, {
    title: "another backend crashed and PostgreSQL ended all sessions",
    explanation: "A server process crashed, so all others were ended in order to restart from a clean state.",
    remedy: "Find the crashed process in the database's log; often memory ran out.",
    matchers: { sqlState: "57P02", texts: ["terminating connection because of crash of another server process"] }
  }),
  postgres("57P03", "pooler", recoveryPause, {
    title: "PostgreSQL accepts no connections at the moment",
    explanation: "It is starting up, shutting down or recovering.",
    remedy: pausedRemedy,
    matchers: {
      sqlState: "57P03",
      texts: [
        "the database system is starting up",
        "the database system is shutting down",
        "the database system is in recovery mode",
        "the database system is not accepting connections",
        "the database system is not yet accepting connections"
      ]
    }
  }),
  postgres("57P04", "configuration", "never", {
    title: "the database was dropped",
    explanation: "The database of this session does not exist any more.",
    remedy: "Correct the database in the connection string.",
    matchers: { sqlState: "57P04" }
  }),
  postgres("57P05", "pooler", "now", {
    title: "PostgreSQL closed an idle session",
    explanation: "The session was idle for longer than idle_session_timeout.",
    remedy: "Set DB_POOL_IDLE_TIMEOUT below idle_session_timeout, or idle_session_timeout to 0 for this role.",
    matchers: { sqlState: "57P05", texts: ["terminating connection due to idle-session timeout"] }
  }),
  postgres("25P03", "pooler", "now", {
    title: "PostgreSQL ended a session that was idle in a transaction",
    explanation:
      "A transaction was open and idle for longer than idle_in_transaction_session_timeout; it was rolled back.",
    remedy: "Do no slow work between the statements of a transaction, or raise DB_IDLE_IN_TRANSACTION_TIMEOUT.",
    matchers: { sqlState: "25P03", texts: ["terminating connection due to idle-in-transaction timeout"] }
  }),
  postgres("25P04", "pooler", "never", {
    title: "PostgreSQL ended a session whose transaction took too long",
    explanation: "The transaction was open for longer than transaction_timeout; it was rolled back.",
    remedy: "Make the transaction shorter, or raise transaction_timeout.",
    matchers: { sqlState: "25P04", texts: ["terminating connection due to transaction timeout"] }
  }),
  postgres("28P01_CREDENTIALS_INVALIDATED", "auth", poolerPause, {
    title: "the pooler's stored credentials were invalidated",
    explanation:
      "PostgreSQL rejected the pooler's own login, so the pooler dropped the credentials; one new login replaces " +
      "them.",
    remedy: "Log in once more; if that fails too, correct the password.",
    source: "Supavisor 2.9 source, db_handler.ex",
    matchers: {
      sqlState: "28P01",
      needsText: true,
      texts: ["Authentication credentials are invalid. Please reconnect"]
    }
  }),
  postgres("28P01_UPSTREAM", "auth", "never", {
    after: passwordPause,
    title: "PostgreSQL rejected the pooler's login",
    explanation:
      "The pooler accepted this password and logged in to PostgreSQL with its stored secret, which PostgreSQL " +
      "rejected: the password was changed, and one of the two has the old one.",
    remedy: "Wait 20 s and log in once; if it persists, set the role's password again, which refreshes both sides.",
    source: "Supavisor 2.9 source, db_handler.ex",
    matchers: { sqlState: "28P01", authenticated: true, texts: ['password authentication failed for user "<role>"'] }
  }),
  postgres("28P01", "auth", "never", {
    after: passwordPause,
    title: "the password was rejected",
    explanation:
      "The pooler (or PostgreSQL itself) refused the password of this role. After a rotation the first login with " +
      "the new password can fail too, until the pooler's cache is refreshed.",
    remedy:
      "Correct the password; after a rotation try once more after 20 s. Ten failures in 150 s block the whole address.",
    source: "Supavisor 2.9 source, errors/wrong_password_error.ex; PostgreSQL docs, errcodes-appendix",
    matchers: {
      sqlState: "28P01",
      poolerCode: "EWRONGPASSWORD",
      texts: ['password authentication failed for user "<role>"']
    }
  }),
  postgres("28000_NO_RULE", "configuration", "never", {
    title: "no rule of pg_hba.conf allows this client",
    explanation:
      "PostgreSQL has no rule for this host, user, database and encryption; `no encryption` in the message means " +
      "that TLS is required.",
    remedy:
      "Set DB_SSL_MODE=require if the message says `no encryption`; otherwise allow the address, user or database.",
    source: "PostgreSQL docs, auth-pg-hba-conf",
    matchers: {
      sqlState: "28000",
      needsText: true,
      texts: ["no pg_hba.conf entry for", "pg_hba.conf rejects connection for"]
    }
  }),
  postgres("28000_ROLE", "configuration", "never", {
    title: "the role does not exist or may not log in",
    explanation: "PostgreSQL has no such role, or it was created without LOGIN.",
    remedy: "Correct the role in the connection string, or use ALTER ROLE ... LOGIN.",
    matchers: {
      sqlState: "28000",
      needsText: true,
      texts: ['role "<role>" does not exist', 'role "<role>" is not permitted to log in']
    }
  }),
  postgres("28000", "auth", "never", {
    after: passwordPause,
    title: "PostgreSQL refused the login",
    explanation:
      "The role may not log in this way; after AuthenticationOk it is the pooler's own login that was refused.",
    remedy: "Read the server's message, then look at the role and at pg_hba.conf.",
    matchers: { sqlState: "28" }
  }),
  postgres("3D000", "configuration", "never", {
    title: "the database does not exist",
    explanation: "The login was accepted (behind a pooler even with AuthenticationOk), but the database is missing.",
    remedy: "Correct the database in the connection string; on Supabase it is usually postgres.",
    matchers: { sqlState: "3D000", texts: ['database "<database>" does not exist'] }
  }),
  postgres("42501_LOGIN", "configuration", "never", {
    title: "the role may not connect to this database",
    explanation: "The role lacks the CONNECT privilege, or may not set what the login sets.",
    remedy: "GRANT CONNECT ON DATABASE ... TO the role, or leave the setting out.",
    matchers: { sqlState: "42501", fatal: true }
  }),
  postgres("22023_LOGIN", "configuration", "never", {
    title: "PostgreSQL refuses a parameter of the login",
    explanation: "A startup parameter, such as search_path, has a value that PostgreSQL does not accept.",
    remedy: "Correct the options of the connection string.",
    matchers: { sqlState: "22023", fatal: true }
  }),
  postgres("LOGIN_REFUSED", "configuration", "never", {
    title: "PostgreSQL refuses a name or parameter of the login",
    explanation: "An unknown or malformed name or setting came with the startup message.",
    remedy: "Read the server's message and correct the options of the connection string.",
    matchers: { sqlState: "42", fatal: true }
  }),
  postgres("0A000_LOGIN", "configuration", "never", {
    title: "the server does not support a part of the login",
    explanation: "The version of the protocol or an option of the startup message is not supported.",
    remedy: "Read the server's message and correct the options of the connection string.",
    matchers: { sqlState: "0A000", fatal: true }
  }),
  postgres("08P01", "pooler", poolerPause, {
    title: "the server or pooler reports a protocol violation",
    explanation: "PgBouncer sends this SQLSTATE with nearly all of its errors; this text is not in the catalogue.",
    remedy: "Read the message, and the log of the pooler.",
    source: "PostgreSQL docs, errcodes-appendix; PgBouncer 1.25 source, objects.c",
    matchers: { sqlState: "08P01", fatal: true }
  }),
  postgres("08006", "network", databaseCoolDown, {
    title: "a connection of the server or pooler failed",
    explanation: "The server or pooler reports a broken connection of its own.",
    remedy: "Check whether the database is up; the pool opens new sessions by itself.",
    matchers: { sqlState: "08", fatal: true }
  }),
  postgres("57xxx", "pooler", poolerPause, {
    title: "an operator intervened",
    explanation: "The session was ended by an intervention that is not in this catalogue.",
    remedy: "Read the server's message; another session may work.",
    matchers: { sqlState: "57", fatal: true }
  })
]
