/** `size`: recommends a pool size. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { tiers } from "../../services/config/PoolSizing.ts"
import { countFlag, durationFlag, json, url } from "../flags/DatabaseFlags.ts"

/** A larger number is a typing mistake. */
const MOST_OPERATIONS = 10_000
const MOST_PROCESSES = 10_000
const LARGEST_POOL = 10_000

/** Limits of the measurement in milliseconds: at least two samples, at most an hour. */
const SHORTEST_WINDOW = 1000
const LONGEST_WINDOW = 3_600_000

const flags = {
  agent: Flag.Literals("agent", ["small", "medium", "large"]).pipe(
    Flag.withDescription("Size of the agent: 1 to 5, 5 to 15 or 15 to 30 concurrent operations. Default: small"),
    Flag.optional
  ),
  operations: countFlag("operations", MOST_OPERATIONS).pipe(
    Flag.withDescription("Concurrent operations of one process"),
    Flag.optional
  ),
  observe: durationFlag("observe").pipe(
    Flag.filter(
      (window) => Duration.toMillis(window) >= SHORTEST_WINDOW && Duration.toMillis(window) <= LONGEST_WINDOW,
      () => "from 1s to 1h"
    ),
    Flag.withDescription("Measure the database's load for this duration, such as 60s, and apply Little's law"),
    Flag.optional
  ),
  processes: countFlag("processes", MOST_PROCESSES).pipe(
    Flag.withDescription("Number of processes, each with such a pool"),
    Flag.withDefault(1)
  ),
  tier: Flag.Literals(
    "tier",
    tiers.map(({ tier }) => tier)
  ).pipe(Flag.withDescription("Supabase's compute size, which determines the pooler's pool size"), Flag.optional),
  poolerSize: countFlag("pooler-size", LARGEST_POOL).pipe(
    Flag.withDescription(
      "The pooler's pool size for a role (Dashboard, Database, Settings). Default: the tier's, else 15"
    ),
    Flag.optional
  ),
  url,
  json
}

/** Imports the code only when it runs: `--help` starts faster without it. */
export const size = Command.make("size", flags, (options) =>
  Effect.promise(() => import("./ShowSize.ts")).pipe(Effect.flatMap(({ showSize }) => showSize(options)))
).pipe(
  Command.withShortDescription("Recommend a pool size, with reasons"),
  Command.withDescription(
    "Recommend a pool size, with reasons and the variables to set. Warns when all processes together exceed the pooler's " +
      "pool size. Only --observe uses a database, with one read-only connection."
  ),
  Command.withExamples([
    { command: "effect-supavisor size --agent medium", description: "By the size of the agent" },
    {
      command: "effect-supavisor size --operations 12 --processes 3 --tier small",
      description: "By concurrent operations, for three processes and a compute size"
    },
    { command: "effect-supavisor size --observe 60s", description: "By the load of the database in the next minute" }
  ])
)
