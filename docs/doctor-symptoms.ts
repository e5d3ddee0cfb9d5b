/** Symptoms of known problems, by the check that detects them and the golden output of their test. */
import type { CheckId } from "../src/services/doctor/checks/CheckDefinitions.ts"

/** By check, then by the name of the output in test/cli/doctor/golden. */
export const symptoms: Partial<Record<CheckId, Readonly<Record<string, string>>>> = {
  route: {
    "ipv6-only-host":
      "`ENETUNREACH` or `EHOSTUNREACH` at `db.REF.supabase.co`: the direct host has only IPv6 and the network has none"
  },
  dns: {
    "no-such-host": "`ENOTFOUND` from the system: the host does not exist",
    "name-server-fails": "`EAI_AGAIN`, `ESERVFAIL`: the name server fails",
    "name-server-silent": "Connecting hangs before anything is sent: the name server does not answer",
    "pooler-without-ipv4": "The pooler's name has no IPv4 address at this name server"
  },
  tcp: {
    "connection-refused": "`ECONNREFUSED`",
    "direct-host-refuses":
      "`ECONNREFUSED` at the direct host after wrong passwords: the address is banned for 30 minutes"
  },
  login: {
    "silent-server": "Connecting hangs: the connection is accepted and nothing is received",
    "connection-reset": "`ECONNRESET` at the login",
    "not-postgresql": "Messages about lengths and unexpected bytes: another program listens there",
    "unknown-tenant":
      "`(ENOTFOUND) tenant/user ... not found`: wrong cluster number (aws-0, aws-1), wrong project, or no project in the user name",
    "unknown-tenant-old": "`Tenant or user not found`: the same from an older pooler",
    "no-reference": "`(ENOIDENTIFIER)`: the user name has no project reference",
    "tls-required": "`(ESSLREQUIRED)`",
    "no-session-left": "`(EMAXCONNSESSION)` at the first login: all sessions of the role are taken",
    "queued-login": "Connecting hangs after the login: an older pooler queues clients for a minute",
    "pgbouncer-query-wait": "`query_wait_timeout`: logged in, but no server connection is free",
    "too-many-clients": "`53300 remaining connection slots are reserved`",
    "role-limit-reached": "`53300 too many connections for role`",
    "wrong-password": "`28P01` before AuthenticationOk; also for a minute after the password was changed",
    "wrong-password-direct": "`28P01` from PostgreSQL itself",
    "old-scram": "`Wrong password`, `SASL_SIGNATURE_MISMATCH` and the like, from older poolers",
    "circuit-breaker": "`(ECIRCUITBREAKER)`: logins are blocked, the right password too",
    "unknown-role":
      "`(EAUTHQUERY) user not found`: a role that does not exist, or lost its password when the project was restored",
    "password-missing": "`The server requested password authentication`",
    "address-not-allowed": "`(EADDRNOTALLOWED)`: network restrictions",
    banned: "`(EBANNED)`",
    "missing-database": "`3D000` after AuthenticationOk",
    "database-down": "`08006 Failed to connect to database`",
    "shutting-down": "`57P01` on all connections at once: the pooler or the server restarts",
    "bare-close": "`Connection terminated unexpectedly`",
    "old-handler": "`DbHandler exited`: an older pooler hides the cause"
  },
  latency: {
    "far-away": "Connecting is slow, and every statement takes a tenth of a second"
  },
  config: {
    "config-no-reference": "The user name has no project reference: detected before connecting",
    "config-transaction-port": "Port 6543 in the connection string",
    "config-large-pool": "`DB_POOL_MAX` is above the pooler's default pool size",
    "config-placeholder": "`[YOUR-PASSWORD]` is still in the connection string"
  },
  session: {
    "pgbouncer-transaction":
      "Settings, `LISTEN`, prepared statements or temporary tables are lost: the pooler is in transaction mode, whatever its port"
  },
  listen: {
    "healthy-transaction": "`LISTEN` is accepted and no notification arrives"
  },
  tls: {
    "tls-untrusted": "`self-signed certificate in certificate chain`",
    "tls-unverified": "`sslmode=require` without a certificate authority",
    "tls-expired": "`certificate has expired`",
    "tls-ends-soon": "A certificate that expires within 30 days",
    "tls-foreign-name": "`Hostname/IP does not match certificate's altnames`",
    "tls-not-offered": "`The server does not support SSL connections`",
    "tls-switched-off": "`NODE_TLS_REJECT_UNAUTHORIZED=0` in the environment"
  },
  capacity: {
    "one-session-left": "`(EMAXCONNSESSION)` under load; several processes share one role's sessions",
    "pool-larger-than-granted": "`DB_POOL_MAX` is above the pooler's pool size",
    "role-limit-below-max": "A `CONNECTION LIMIT` below `DB_POOL_MAX`",
    "forgotten-transaction": "Connections and locks are held by no active client: a transaction was left open"
  },
  endpoint: {
    "config-unencoded-password": "Other programs connect to another host or port: the password is not percent-encoded",
    "config-dropped-options":
      "`options=-c statement_timeout=...` has no effect in other programs: the pooler drops startup parameters"
  },
  cancel: {
    "late-cancel": "A statement fails with `57014` although no client cancelled it"
  },
  settings: {
    "role-statement-timeout": "`57014` after two minutes: the role's own statement_timeout",
    "setting-refused": "The server refuses a session setting"
  },
  server: {
    "read-only": "`25006`: the database is read-only, as after a full disk"
  },
  clock: {
    "clock-ahead": "Certificates and tokens are refused: this machine's clock is wrong"
  }
}
