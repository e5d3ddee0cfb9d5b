import { writeFileSync } from "node:fs"
import type { Check } from "../src/services/inspect/checks/Check.ts"
import { checks } from "../src/services/inspect/checks/Checks.ts"
import type { Column, ColumnKind } from "../src/services/inspect/checks/Column.ts"

const kinds: { readonly [K in ColumnKind]: string } = {
  word: "word",
  name: "name",
  text: "text",
  statement: "SQL without its literals",
  count: "number",
  bytes: "bytes",
  millis: "milliseconds",
  share: "fraction of 1",
  flag: "true or false",
  time: "ISO 8601"
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;")

const row = ([name, { isExtra, kind, meaning }]: readonly [string, Column]): string =>
  `| \`${name}\`${isExtra ? " ¹" : ""} | ${kinds[kind]} | ${cell(meaning)} |`

const rulesOf = ({ rules }: Check): ReadonlyArray<string> =>
  rules.length === 0 ? [] : ["", ...rules.map(({ id, text }) => `- Rule \`${id}\`: ${text}.`)]

const section = (check: Check): string =>
  [
    `### \`${check.id}\``,
    "",
    `${check.title}.`,
    "",
    check.details,
    "",
    "| column | in JSON | meaning |",
    "| --- | --- | --- |",
    ...Object.entries(check.columns).map(row),
    ...rulesOf(check)
  ].join("\n")

const about = (subject: Check["subject"]): string =>
  checks
    .filter((check) => check.subject === subject)
    .map(section)
    .join("\n\n")

/** The page `docs/inspect.md`, made of the checks. */
export const renderInspect = (): string =>
  [
    "# inspect",
    "",
    "Made from the checks by `node docs/generate-inspect.ts`; change the checks, not this page.",
    "",
    "`effect-supavisor inspect <check>` asks the database one question and prints a table, what an empty answer means, " +
      "what the role could not see, and what to do next. Names and meanings are those of `supabase inspect db` where it " +
      "has the same; the checks of connections and pools are ours.",
    "",
    "Every check opens one connection, asks in a read-only transaction with a statement timeout (`--timeout`, 10 s) and " +
      "a lock timeout of 0.5 s, and leaves. None needs a superuser. A role that may not see other roles' sessions " +
      "gets `hidden` for their state and is told which grant would change that. Text literals are left out of every " +
      "statement, because a password may be among them.",
    "",
    "| flag | default | meaning |",
    "| --- | --- | --- |",
    "| `--url` | `SUPABASE_SESSION_POOLER` and its fallbacks | the database to ask |",
    "| `--limit` | 20, in a report 1000 | rows at most, the worst first |",
    "| `--timeout` | 10s | how long the server may take for one check |",
    "| `--longer-than` | 5m | what counts as long for a statement |",
    "| `--pooler-size` | 15 | sessions the pooler grants to a role; PostgreSQL does not know it |",
    "| `--json` | | the whole answer, with a `version` |",
    "",
    "Exit codes: 0 when the question was answered, or the server has nothing to answer it with (`outliers` without " +
      "pg_stat_statements); 1 when there is no connection or no answer; 2 for settings or flags that cannot be used.",
    "",
    "The JSON is that of the schema `Inspection` in `effect-supavisor/Inspector`: `version`, `check`, `title`, " +
      "`at`, `server`, `tookMillis`, `status` (`answered`, `unavailable`, `failed`), `reason`, `rows`, `isTruncated`, " +
      "`empty`, `unseen`, `nextSteps` and `rules`. The same checks are a service for applications: `Inspector`.",
    "",
    "¹ A narrow terminal does without this column; a pipe and `--json` always have it.",
    "",
    "## Connections",
    "",
    about("connections"),
    "",
    "## Database",
    "",
    about("database"),
    "",
    "## `report`",
    "",
    "`effect-supavisor inspect report` asks all checks on one connection and writes into `--output-dir`: a CSV file of " +
      "each check with the plain numbers of the JSON, `report.json` (schema `Report`), and `summary.txt` with every rule " +
      "and how it came out. A rule is `unknown` where there is too little to judge by. It ends with 1 when a rule " +
      "fails or a check gives no answer.",
    ""
  ].join("\n")

if (import.meta.main) writeFileSync(new URL("inspect.md", import.meta.url), renderInspect())
