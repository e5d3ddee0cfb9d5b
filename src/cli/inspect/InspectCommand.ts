/** `inspect`: runs one check of the database, or all. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { type CheckId, checkIds, titles } from "../../services/inspect/checks/CheckTitles.ts"
import { countFlag, durationFlag, json, url } from "../flags/DatabaseFlags.ts"

const MOST_ROWS = 10_000

/** Above every pool size of Supabase and every max_connections. */
const LARGEST_POOL = 10_000

const flags = {
  url,
  json,
  limit: countFlag("limit", MOST_ROWS).pipe(
    Flag.withDescription("Maximum number of rows. Default: 20, in a report 1000"),
    Flag.optional
  ),
  timeout: durationFlag("timeout").pipe(Flag.withDescription("Time limit of each check. Default: 10s"), Flag.optional),
  longerThan: durationFlag("longer-than").pipe(
    Flag.withDescription("The duration from which a statement counts as long. Default: 5m"),
    Flag.optional
  ),
  poolerSize: countFlag("pooler-size", LARGEST_POOL).pipe(
    Flag.withDescription("The pooler's pool size for a role (Dashboard, Database, Settings). Default: 15"),
    Flag.optional
  )
}

const parent = Command.make("inspect").pipe(Command.withSharedFlags(flags))

/** Imports the checks only when they run: `--help` starts faster without them. */
const check = (id: CheckId) =>
  Command.make(id, {}, () =>
    Effect.flatMap(parent, (options) =>
      Effect.promise(() => import("./ShowInspection.ts")).pipe(
        Effect.flatMap(({ showInspection }) => showInspection(id, options))
      )
    )
  ).pipe(
    Command.withShortDescription(titles[id]),
    Command.withDescription(`${titles[id]}. Read-only; docs/inspect.md explains each column.`),
    Command.withExamples([
      { command: `effect-supavisor inspect ${id}`, description: "Print a table and the next steps" },
      { command: `effect-supavisor inspect ${id} --json --limit 5`, description: "Print JSON for a script" }
    ])
  )

// Not a path flag, whose error for a path below a file is less clear than the error of writing.
const outputDir = Flag.String("output-dir").pipe(
  Flag.withMetavar("directory"),
  Flag.withDescription("Directory of the files. Default: effect-supavisor-report-<time> in the working directory"),
  Flag.optional
)

const report = Command.make("report", { outputDir }, ({ outputDir }) =>
  Effect.flatMap(parent, (options) =>
    Effect.promise(() => import("./ShowReport.ts")).pipe(
      Effect.flatMap(({ showReport }) => showReport({ ...options, outputDir }))
    )
  )
).pipe(
  Command.withShortDescription("Run all checks and write their results and rules to files"),
  Command.withDescription(
    "Run all checks and write a CSV file for each, report.json with all results, and summary.txt with the outcome of " +
      "every rule. Exits with 1 when a rule or a check fails."
  ),
  Command.withExamples([
    { command: "effect-supavisor inspect report", description: "Write to a new directory" },
    {
      command: "effect-supavisor inspect report --output-dir /tmp/report --json",
      description: "Write to a directory and print JSON"
    }
  ])
)

/** `inspect <check>` and `inspect report`. */
export const inspect = parent.pipe(
  Command.withShortDescription("Run one check of the database, or all"),
  Command.withDescription(
    "Run one check of the database, or all: connections, locks, statements, sizes. Every check is read-only, has a time " +
      "limit, needs no superuser and recommends next steps. An inspection uses one connection."
  ),
  Command.withExamples([
    { command: "effect-supavisor inspect blocking", description: "Show which session waits for which" },
    {
      command: "effect-supavisor inspect pool-utilization --pooler-size 20",
      description: "Show the use of all limits"
    },
    {
      command: "effect-supavisor inspect outliers --json | jq '.rows[0].statement'",
      description: "Print JSON for a script"
    },
    { command: "effect-supavisor inspect report", description: "Write all results to files" }
  ]),
  Command.withSubcommands([...checkIds.map(check), report])
)
