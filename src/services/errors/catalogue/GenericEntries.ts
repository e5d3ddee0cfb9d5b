import { type CatalogueEntry, define } from "./Entry.ts"
import { networkPause, poolerPause } from "./RetryPauses.ts"

/** Failures that the login itself detects. */
export const loginEntries: ReadonlyArray<CatalogueEntry> = [
  define("TRANSACTION_MODE", "configuration", "never", {
    title: "the pooler is in transaction mode and keeps no session",
    explanation:
      "The connection type requires sessions, but the pooler assigns a server connection for one transaction at a " +
      "time. Settings, LISTEN, advisory locks, temporary tables and prepared statements would be lost, or reach " +
      "other clients.",
    remedy:
      "Connect to the session port (5432 at Supavisor), set pool_mode=session in PgBouncer for this database and user, " +
      "or set DB_CONNECTION_TYPE=supavisor_transaction and do without sessions.",
    source: "PgBouncer docs, config (pool_mode) and features; Supabase docs, guides/database/connecting-to-postgres",
    matchers: { errno: ["TRANSACTION_MODE"] }
  }),
  define("PASSWORD_UNAVAILABLE", "network", networkPause, {
    title: "the effect that gives the password failed",
    explanation:
      "The setting password is an effect, which is evaluated for each login; it failed, so no login was attempted.",
    remedy: "Look at the cause: the service that issues the password or token may be down or refuse the request.",
    source: "effect-supavisor",
    matchers: { errno: ["PASSWORD_UNAVAILABLE"] }
  })
]

/** Failures of converting a statement's values and of reading its reply. */
export const conversionEntries: ReadonlyArray<CatalogueEntry> = [
  define("PARAMETERS_NOT_SENT", "statement", "never", {
    title: "the parameters of the statement cannot be sent",
    explanation: "A value has no type in PostgreSQL, or too many were given; nothing was sent.",
    remedy: "Convert the parameter that the message names, or give it a type with PgTypes; use sql.json for objects.",
    source: "effect-supavisor",
    matchers: { errno: ["PARAMETERS_NOT_SENT"] }
  }),
  define("RESULT_NOT_DECODED", "statement", "never", {
    title: "the result of the statement cannot be decoded",
    explanation: "The statement was executed, and what it changed is changed; a column of its result cannot be read.",
    remedy: "Select the column that the message names as text (column::text); do not just repeat a write.",
    source: "effect-supavisor",
    matchers: { errno: ["RESULT_NOT_DECODED"] }
  }),
  define("COPY_UNSUPPORTED", "statement", "never", {
    title: "COPY is not supported",
    explanation: "COPY sends or expects data outside of the results of a statement; the session was closed.",
    remedy: "Use INSERT with unnest for many rows and stream for reading them, or run COPY in psql.",
    source: "effect-supavisor; @effect/sql-pg 4.0 source, PgConnection.ts",
    matchers: { errno: ["COPY_UNSUPPORTED"], texts: ["Unexpected <message>; COPY is not supported"] }
  }),
  define("MESSAGE_TOO_LARGE", "statement", "never", {
    title: "a row is larger than maxMessageSize",
    explanation:
      "The server sent a message that is larger than the option maxMessageSize, 16 MiB by default. The session was " +
      "closed; the statement may have been executed.",
    remedy: "Raise maxMessageSize in the second argument of SupavisorLayer.layer, or select less in one row.",
    source: "effect-supavisor; @effect/sql-pg 4.0 source, PgProtocol.ts",
    matchers: { errno: ["MESSAGE_TOO_LARGE"], texts: ["Message length <n> exceeds maxMessageSize <n>"] }
  })
]

/** Transactions that were not ended by `withTransaction`, and notifications that were not taken. */
export const transactionEntries: ReadonlyArray<CatalogueEntry> = [
  define("TRANSACTION_ENDED", "statement", "never", {
    title: "a COMMIT or ROLLBACK inside withTransaction ended the transaction, so this statement was not sent",
    explanation:
      "The server reported that no transaction is open any more, although withTransaction had not ended it. Later " +
      "statements would each be committed by themselves.",
    remedy:
      "Remove COMMIT and ROLLBACK from the effect: withTransaction commits when it succeeds and rolls back when it " +
      "fails; a nested withTransaction is a savepoint. What ran before a COMMIT is committed.",
    source: "PostgreSQL docs, protocol-message-formats (ReadyForQuery)",
    matchers: { errno: ["TRANSACTION_ENDED"] }
  }),
  define("TRANSACTION_ABORTED", "statement", "never", {
    title: "the transaction was rolled back at COMMIT, because a statement in it had failed before",
    explanation: "PostgreSQL answers the COMMIT of a failed transaction with ROLLBACK, and without an error.",
    remedy: "Let the error of the failed statement fail the effect, or run that statement in a nested withTransaction.",
    source: "PostgreSQL docs, sql-commit",
    matchers: { errno: ["TRANSACTION_ABORTED"] }
  }),
  define("NOTIFICATIONS_DROPPED", "statement", "never", {
    title: "a listener is too slow, so its oldest notifications were dropped",
    explanation: "A listener's queue has 16384 places, so that a slow consumer does not fill the memory.",
    remedy: "Read the data of the channel again, take notifications faster, or send fewer.",
    source: "effect-supavisor",
    matchers: { errno: ["NOTIFICATIONS_DROPPED"] }
  })
]

export const poolerUnknown = define("POOLER_UNKNOWN", "pooler", poolerPause, {
  title: "the pooler refused with a code that is not in this catalogue",
  explanation:
    "A message that starts with a code in parentheses comes from Supavisor; this one is newer than the catalogue.",
  remedy: "Read the message; if it names a setting, correct that, otherwise wait and try again.",
  source: "Supavisor 2.9 source, error.ex"
})

export const serverFatal = define("SERVER_FATAL", "pooler", poolerPause, {
  title: "the server ended the session",
  explanation: "A FATAL or PANIC error with a SQLSTATE that is not in this catalogue; the session is gone.",
  remedy: "Read the server's message; another session may work.",
  source: "PostgreSQL docs, protocol-error-fields"
})

export const serverError = define("SERVER_ERROR", "statement", "never", {
  title: "the server answered with an error",
  explanation: "An ERROR with a SQLSTATE that is not in this catalogue; the statement failed and the session goes on.",
  remedy: "Read the server's message and change the statement.",
  source: "PostgreSQL docs, protocol-error-fields"
})

export const systemUnknown = define("SYSTEM_UNKNOWN", "network", "now", {
  title: "a system call failed",
  explanation: "The operating system reported an errno that is not in this catalogue.",
  remedy: "Look up the errno in the system's manual; another try may succeed.",
  source: "Node.js docs, errors"
})

export const connectUnknown = define("CONNECT_UNKNOWN", "network", "now", {
  title: "the session could not be opened",
  explanation: "Opening a session failed in a way that is not in this catalogue, and the server sent no message.",
  remedy: "Check name, route, TLS and login in this order; the phase shows how far the dial got.",
  source: "effect-supavisor"
})

export const sessionUnknown = define("SESSION_UNKNOWN", "network", "now", {
  title: "the session ended for an unknown reason",
  explanation: "An established session became unusable, and neither the server nor the operating system reported why.",
  remedy: "Try again on another session; read the cause.",
  source: "effect-supavisor"
})

export const noReply = define("NO_REPLY", "network", "never", {
  title: "no reply came in time",
  explanation: "The request was sent and no answer came within the time allowed; it may have been executed.",
  remedy: "Check whether the request took effect before you send it again.",
  source: "effect-supavisor"
})

export const unknown = define("UNKNOWN", "network", "never", {
  title: "an unclassified failure",
  explanation: "Neither the server nor the operating system reported what failed.",
  remedy: "Read the cause.",
  source: "effect-supavisor"
})

export const genericEntries: ReadonlyArray<CatalogueEntry> = [
  poolerUnknown,
  serverFatal,
  serverError,
  systemUnknown,
  connectUnknown,
  sessionUnknown,
  noReply,
  unknown
]
