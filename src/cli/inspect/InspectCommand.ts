/** `inspect`: one question to the database, or all of them. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { type CheckId, checkIds, titles } from "../../services/inspect/checks/CheckTitles.ts"
import { countFlag, durationFlag, json, url } from "../flags/DatabaseFlags.ts"

/** More rows than that are for a query tool, not for a person or a report. */
const MOST_ROWS = 10_000

/** Above every pool size that Supabase offers, and every max_connections. */
const LARGEST_POOL = 10_000

const flags = {
  url,
  json,
  limit: countFlag("limit", MOST_ROWS).pipe(
    Flag.withDescription("Rows at most. Default: 20, in a report 1000"),
    Flag.optional
  ),
  timeout: durationFlag("timeout").pipe(
    Flag.withDescription("How long the server may take for one check. Default: 10s"),
    Flag.optional
  ),
  longerThan: durationFlag("longer-than").pipe(
    Flag.withDescription("What counts as long for a statement. Default: 5m"),
    Flag.optional
  ),
  poolerSize: countFlag("pooler-size", LARGEST_POOL).pipe(
    Flag.withDescription("Sessions the pooler grants to a role (Dashboard, Database, Settings). Default: 15"),
    Flag.optional
  )
}

const parent = Command.make("inspect").pipe(Command.withSharedFlags(flags))

/** What asks is loaded when it is wanted: `--help` needs none of it. */
const check = (id: CheckId) =>
  Command.make(id, {}, () =>
    Effect.flatMap(parent, (options) =>
      Effect.flatMap(
        Effect.promise(() => import("./ShowInspection.ts")),
        ({ showInspection }) => showInspection(id, options)
      )
    )
  ).pipe(
    Command.withShortDescription(titles[id]),
    Command.withDescription(`${titles[id]}. Read-only; docs/inspect.md explains each column.`),
    Command.withExamples([
      { command: `effect-supavisor inspect ${id}`, description: "A table, and what to do next" },
      { command: `effect-supavisor inspect ${id} --json --limit 5`, description: "For a script" }
    ])
  )

// Not a path flag: that one refuses, in its own words, what lies below a file; writing says it better.
const outputDir = Flag.String("output-dir").pipe(
  Flag.withMetavar("directory"),
  Flag.withDescription("Where the files go. Default: effect-supavisor-report-<time> in the working directory"),
  Flag.optional
)

const report = Command.make("report", { outputDir }, ({ outputDir }) =>
  Effect.flatMap(parent, (options) =>
    Effect.flatMap(
      Effect.promise(() => import("./ShowReport.ts")),
      ({ showReport }) => showReport({ ...options, outputDir })
    )
  )
).pipe(
  Command.withShortDescription("All checks, as files with rules that pass or fail"),
  Command.withDescription(
    "All checks: a CSV file of each, report.json with everything, and summary.txt with the rules and how they came " +
      "out. Ends with 1 when a rule fails or a check gives no answer."
  ),
  Command.withExamples([
    { command: "effect-supavisor inspect report", description: "Into a new directory here" },
    { command: "effect-supavisor inspect report --output-dir /tmp/report --json", description: "For a nightly job" }
  ])
)

/** `inspect <check>` and `inspect report`. */
export const inspect = parent.pipe(
  Command.withShortDescription("Ask the database one question, or all of them"),
  Command.withDescription(
    "Ask the database one question, or all of them: connections, locks, statements, sizes. Every check is read-only " +
      "and bounded, needs no superuser, and says what to do next. It takes one connection while it asks."
  ),
  Command.withExamples([
    { command: "effect-supavisor inspect blocking", description: "Who waits for whom" },
    { command: "effect-supavisor inspect pool-utilization --pooler-size 20", description: "How full everything is" },
    { command: "effect-supavisor inspect outliers --json | jq '.rows[0].statement'", description: "For a script" },
    { command: "effect-supavisor inspect report", description: "Everything, as files" }
  ]),
  Command.withSubcommands([...checkIds.map(check), report])
)
