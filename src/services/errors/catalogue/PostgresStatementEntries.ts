import { type CatalogueEntry, defineFrom } from "./Entry.ts"
import { recoveryPause } from "./RetryPauses.ts"

const postgres = defineFrom("PostgreSQL docs, errcodes-appendix")

/** Errors of statements; the session stays usable. */
export const postgresStatementEntries: ReadonlyArray<CatalogueEntry> = [
  postgres("57014_STATEMENT_TIMEOUT", "statement", "now", {
    title: "the statement ran longer than statement_timeout",
    explanation:
      "PostgreSQL stopped the statement. Where nothing else is set, Supabase applies 2 minutes to every role, 8 s to " +
      "authenticated and 3 s to anon.",
    remedy: "Make the statement faster (check its plan), or raise DB_STATEMENT_TIMEOUT.",
    matchers: { sqlState: "57014", needsText: true, texts: ["canceling statement due to statement timeout"] }
  }),
  postgres("57014_LOCK_TIMEOUT", "statement", "now", {
    title: "the statement waited longer than lock_timeout for a lock",
    explanation: "Another transaction holds the lock.",
    remedy: "Try again; if it happens often, find the holder in pg_locks.",
    matchers: { sqlState: "57014", needsText: true, texts: ["canceling statement due to lock timeout"] }
  }),
  postgres("57014_CANCEL", "statement", "never", {
    title: "the statement was cancelled on request",
    explanation:
      "A cancel request or pg_cancel_backend reached the session. If this program requested none, it was a late " +
      "cancel that was meant for an earlier statement.",
    remedy: "Nothing, if it was intended; otherwise run the statement again.",
    matchers: { sqlState: "57014", texts: ["canceling statement due to user request"] }
  }),
  postgres("55P03", "statement", "now", {
    title: "a lock was not available",
    explanation: "NOWAIT was used, or lock_timeout passed, while another transaction held the lock.",
    remedy: "Try again; if it happens often, find the holder in pg_locks.",
    matchers: {
      sqlState: "55P03",
      texts: ["canceling statement due to lock timeout", "could not obtain lock on <object>"]
    }
  }),
  postgres("40001", "statement", "now", {
    title: "the transaction conflicts with another one",
    explanation:
      "It could not be serialized, or a replica cancelled it because of recovery; it was rolled back as a whole.",
    remedy: "Run the whole transaction again.",
    matchers: {
      sqlState: "40001",
      texts: [
        "could not serialize access due to concurrent update",
        "canceling statement due to conflict with recovery"
      ]
    }
  }),
  postgres("40P01", "statement", "now", {
    title: "the transaction was chosen to end a deadlock",
    explanation: "Two transactions waited for each other; this one was rolled back.",
    remedy: "Run the whole transaction again; take locks in the same order everywhere.",
    matchers: { sqlState: "40P01", texts: ["deadlock detected"] }
  }),
  postgres("40003", "statement", "never", {
    title: "whether the statement was completed is unknown",
    explanation: "The server reports that it cannot tell.",
    remedy: "Check in the database whether the statement took effect.",
    matchers: { sqlState: "40003" }
  }),
  postgres("25P02", "statement", "never", {
    title: "the transaction had already failed",
    explanation: "After an error inside a transaction PostgreSQL ignores every statement until ROLLBACK.",
    remedy: "Roll back; the cause is the first error of the transaction.",
    matchers: {
      sqlState: "25P02",
      texts: ["current transaction is aborted, commands ignored until end of transaction block"]
    }
  }),
  postgres("25006", "statement", "never", {
    title: "the session is read-only",
    explanation: "It is a replica, or the project went read-only because its disk is nearly full.",
    remedy: "Write to the primary; on a full disk free or add space.",
    matchers: { sqlState: "25006", texts: ["cannot execute <command> in a read-only transaction"] }
  }),
  postgres("0A000_STALE_PLAN", "statement", "now", {
    title: "the prepared plan is out of date",
    explanation: "A table changed and the statement's result has other columns now; the next parse makes a new plan.",
    remedy: "Run the statement again outside a failed transaction; close sessions after a migration.",
    matchers: { sqlState: "0A000", needsText: true, texts: ["cached plan must not change result type"] }
  }),
  postgres("26000", "statement", "now", {
    title: "the session has no such prepared statement",
    explanation: "The session is not the one the statement was prepared on, or DISCARD ALL or DEALLOCATE removed it.",
    remedy: "Run it again, which prepares it anew; behind a transaction pooler switch named prepared statements off.",
    matchers: { sqlState: "26000", texts: ['prepared statement "<name>" does not exist'] }
  }),
  postgres("42P05", "statement", "never", {
    title: "the prepared statement already exists",
    explanation: "Another client's statement of the same name is in the session: a transaction pooler shares it.",
    remedy:
      "Use the session port (5432), or switch named prepared statements off by " +
      "DB_CONNECTION_TYPE=supavisor_transaction.",
    matchers: { sqlState: "42P05", texts: ['prepared statement "<name>" already exists'] }
  }),
  postgres("42501", "statement", "never", {
    title: "the role lacks a privilege",
    explanation: "A privilege is missing, or row level security refuses the row.",
    remedy: "GRANT the missing privilege, or check the table's policies.",
    matchers: { sqlState: "42501", texts: ["permission denied for <object>"] }
  }),
  postgres("22023", "statement", "never", {
    title: "a parameter has a value that PostgreSQL does not accept",
    explanation: "A setting or a function's argument is out of its range.",
    remedy: "Correct the value named in the server's message.",
    matchers: { sqlState: "22023" }
  }),
  postgres("53100", "capacity", "never", {
    title: "the database's disk is full",
    explanation: "PostgreSQL could not write; trying again does not help.",
    remedy: "Free or add disk space.",
    matchers: { sqlState: "53100" }
  }),
  postgres("53200", "capacity", recoveryPause, {
    title: "the database is out of memory",
    explanation: "PostgreSQL could not get the memory, or its shared lock table is full.",
    remedy: "Run less at once, lower work_mem, or raise max_locks_per_transaction if the message mentions locks.",
    matchers: { sqlState: "53200", texts: ["out of memory", "out of shared memory"] }
  }),
  postgres("53400", "capacity", "never", {
    title: "a configured limit of the server is reached",
    explanation: "A limit such as temp_file_limit stopped the statement.",
    remedy: "Raise the limit named in the message, or make the statement smaller.",
    matchers: { sqlState: "53400" }
  }),
  postgres("53xxx", "capacity", recoveryPause, {
    title: "the server lacks a resource",
    explanation: "The server ran out of a resource that is not in this catalogue.",
    remedy: "Read the server's message.",
    matchers: { sqlState: "53" }
  }),
  postgres("23xxx", "statement", "never", {
    title: "a constraint was violated",
    explanation: "A unique, foreign key, not-null, check or exclusion constraint refuses the row.",
    remedy: "Correct the data; the constraint's name is in the message.",
    matchers: { sqlState: "23" }
  }),
  postgres("22xxx", "statement", "never", {
    title: "a value does not fit",
    explanation: "A value cannot be converted, is out of range or too long.",
    remedy: "Correct the value named in the server's message.",
    matchers: { sqlState: "22" }
  }),
  postgres("42xxx", "statement", "never", {
    title: "the statement is wrong",
    explanation: "A syntax error, or a table, column, function or type that does not exist.",
    remedy: "Correct the statement, or run the missing migration.",
    matchers: { sqlState: "42" }
  }),
  postgres("40xxx", "statement", "never", {
    title: "the transaction was rolled back",
    explanation: "The server rolled the transaction back for a reason that is not in this catalogue.",
    remedy: "Read the server's message.",
    matchers: { sqlState: "40" }
  }),
  postgres("08xxx", "statement", "never", {
    title: "a connection the statement uses failed",
    explanation: "With severity ERROR it is another connection of the server, such as dblink's or a foreign table's.",
    remedy: "Look at the server the statement refers to.",
    matchers: { sqlState: "08", fatal: false }
  })
]
