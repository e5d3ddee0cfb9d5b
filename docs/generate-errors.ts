import { writeFileSync } from "node:fs"
import type { CatalogueEntry, ErrorClass } from "../src/services/errors/catalogue/Entry.ts"
import { entries } from "../src/services/errors/catalogue/Entries.ts"

const classes: ReadonlyArray<readonly [ErrorClass, string]> = [
  [
    "capacity",
    "A resource is used up: sessions, clients, connection slots, memory. Waiting helps; using less helps more."
  ],
  ["network", "The network failed, or the other side closed the connection without a message."],
  ["pooler", "The pooler or the database is stopping, starting or failing; another session works soon."],
  [
    "auth",
    "A login was refused. The pooler counts failed logins, so only those marked in the table are retried automatically."
  ],
  ["configuration", "A person has to correct a setting, a name, a certificate or an address."],
  ["statement", "The server answered a statement with an error; the session stays usable."]
]

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;")

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``

const wordRetry = (entry: CatalogueEntry): string => {
  const seconds = entry.retryAfterMillis === undefined ? undefined : `${entry.retryAfterMillis / 1_000} s`
  if (entry.isRetryable) return seconds === undefined ? "yes, at once" : `yes, after ${seconds}`
  return seconds === undefined ? "no" : `no; manually after ${seconds}`
}

const matchers = (entry: CatalogueEntry): string => {
  const { errno = [], sqlState, texts = [] } = entry.matchers
  const state = sqlState === undefined ? [] : [`SQLSTATE ${code(sqlState.padEnd(5, "x"))}`]
  return [...state, ...texts.map(code), ...errno.map(code)].join("<br>")
}

const row = (entry: CatalogueEntry): string =>
  `| ${code(entry.code)} | ${matchers(entry)} | ${cell(entry.title)}. ${cell(entry.explanation)} | ${wordRetry(entry)} ` +
  `| ${cell(entry.remedy)} | ${cell(entry.source)} |`

const section = ([name, meaning]: readonly [ErrorClass, string]): string =>
  [
    `## ${name}`,
    "",
    meaning,
    "",
    "| code | text, SQLSTATE or errno | meaning | retry? | what to do | source |",
    "| --- | --- | --- | --- | --- | --- |",
    ...entries.filter((entry) => entry.class === name).map(row)
  ].join("\n")

/** The page `docs/errors.md`, generated from the catalogue. */
export const renderErrors = (): string =>
  [
    "# Errors",
    "",
    "Generated from the catalogue by `node docs/generate-errors.ts`; change the catalogue, not this page.",
    "",
    "Every failure is a `SessionError` whose `code` is the first column; `SessionError.fromSqlError` finds it " +
      "behind a `SqlError`. For a failed statement `code` is the server's SQLSTATE and `reason.code` the " +
      "first column.",
    "A failure is recognized by Supavisor's `(CODE)`, else by its text, else by the SQLSTATE, else by the errno; " +
      "`<name>` in a text stands for anything.",
    "The message of a failed statement has the server's MESSAGE and SQLSTATE. DETAIL, HINT, context and internal query " +
      "quote rows: they are the fields `detail`, `hint`, `where` and `internalQuery`, and in no message, log line, JSON " +
      'or span. MESSAGE itself may quote one value, as PostgreSQL writes it: `invalid input syntax for type integer: "x"` ' +
      "(22P02, 22007, 22003), or what a function raises.",
    "",
    classes.map(section).join("\n\n"),
    "",
    "## Errors of this library",
    "",
    "| reason | class | retry? | when |",
    "| --- | --- | --- | --- |",
    "| `AcquireTimeout` | capacity | yes, unless the last login failed permanently | no session became free in time; " +
      "names the holders |",
    "| `QueueFull` | capacity | yes | as many callers wait as `DB_POOL_MAX_WAITING` allows |",
    "| `PoolClosed` | closed | no | the pool drains or is closed |",
    "| `ConnectFailed` | as above | as above | a session could not be opened |",
    "| `SessionLost` | as above | as above, never for COMMIT | an established session ended unexpectedly |",
    "| `OutcomeUnknown` | network | no | COMMIT, or a statement outside a transaction that may write, was sent and its " +
      "reply never came; has the code of the failure. `Transactions.idempotent` makes such a statement retryable |",
    "| `StatementFailed` | as above | as above | the server answered with ERROR |",
    "| `StatementTimeout` | network | yes, not for COMMIT | no answer within the client's own limit; the session " +
      "was destroyed |",
    "| `ConfigurationInvalid` | configuration | no | settings cannot be used; lists every problem; exit code 2 |",
    ""
  ].join("\n")

if (import.meta.main) writeFileSync(new URL("errors.md", import.meta.url), renderErrors())
