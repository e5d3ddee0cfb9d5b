import { writeFileSync } from "node:fs"
import type { CatalogueEntry, ErrorClass } from "../src/services/errors/catalogue/Entry.ts"
import { entries } from "../src/services/errors/catalogue/Entries.ts"

const classes: ReadonlyArray<readonly [ErrorClass, string]> = [
  [
    "capacity",
    "Something is used up: sessions, clients, connection slots, memory. Waiting helps, asking for less helps more."
  ],
  ["network", "The way to the server failed, or the peer went without a word."],
  ["pooler", "The pooler or the database is stopping, starting or in trouble; another session soon works."],
  [
    "auth",
    "A login was refused. The pooler counts failed logins, so none is repeated unattended unless the table says so."
  ],
  ["configuration", "A setting, a name, a certificate or an address has to be changed by a person."],
  ["statement", "The server answered a statement with an error; the session goes on."]
]

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;")

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``

const wordRetry = (entry: CatalogueEntry): string => {
  const seconds = entry.retryAfterMillis === undefined ? undefined : `${entry.retryAfterMillis / 1_000} s`
  if (entry.isRetryable) return seconds === undefined ? "yes, at once" : `yes, after ${seconds}`
  return seconds === undefined ? "no" : `no; by hand after ${seconds}`
}

const signs = (entry: CatalogueEntry): string => {
  const { errno = [], sqlState, texts = [] } = entry.matchers
  const state = sqlState === undefined ? [] : [`SQLSTATE ${code(sqlState.padEnd(5, "x"))}`]
  return [...state, ...texts.map(code), ...errno.map(code)].join("<br>")
}

const row = (entry: CatalogueEntry): string =>
  `| ${code(entry.code)} | ${signs(entry)} | ${cell(entry.title)}. ${cell(entry.explanation)} | ${wordRetry(entry)} ` +
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

/** The page `docs/errors.md`, made of the catalogue. */
export const renderErrors = (): string =>
  [
    "# Errors",
    "",
    "Made from the catalogue by `node docs/generate-errors.ts`; change the catalogue, not this page.",
    "",
    "Every failure is a `SessionError` whose `code` is the first column; behind a `SqlError` it is found by " +
      "`SessionError.fromSqlError`. For a failed statement `code` is the server's SQLSTATE and `reason.code` the " +
      "first column.",
    "A failure is recognised by Supavisor's `(CODE)` first, then by texts, then by the SQLSTATE, then by the errno; " +
      "`<name>` in a text stands for anything.",
    "",
    classes.map(section).join("\n\n"),
    "",
    "## Made by this library",
    "",
    "| reason | class | retry? | when |",
    "| --- | --- | --- | --- |",
    "| `AcquireTimeout` | capacity | yes, unless the last login failed for good | no session became free in time; " +
      "names the holders |",
    "| `QueueFull` | capacity | yes | as many callers wait as `DB_POOL_MAX_WAITING` allows |",
    "| `PoolClosed` | closed | no | the pool drains or is closed |",
    "| `ConnectFailed` | as above | as above | a session could not be opened |",
    "| `SessionLost` | as above | as above, never for COMMIT | an established session died |",
    "| `OutcomeUnknown` | network | no | COMMIT was sent and its reply never came |",
    "| `StatementFailed` | as above | as above | the server answered with ERROR |",
    "| `StatementTimeout` | network | yes, not for COMMIT | no answer within the client's own bound; the session " +
      "was destroyed |",
    "| `ConfigurationInvalid` | configuration | no | settings cannot be used; lists every problem; exit code 2 |",
    ""
  ].join("\n")

if (import.meta.main) writeFileSync(new URL("errors.md", import.meta.url), renderErrors())
