/** `size`: how many sessions a pool should have. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { tiers } from "../../services/config/PoolSizing.ts"
import { countFlag, durationFlag, json, url } from "../flags/DatabaseFlags.ts"

/** More than one program will ever have; a larger number is a typing mistake. */
const MOST_OPERATIONS = 10_000
const MOST_PROCESSES = 10_000
const LARGEST_POOL = 10_000

/** Less has no two looks in it; more is what a monitor is for. In milliseconds. */
const SHORTEST_WINDOW = 1000
const LONGEST_WINDOW = 3_600_000

const flags = {
  agent: Flag.Literals("agent", ["small", "medium", "large"]).pipe(
    Flag.withDescription("By the size of the agent: 1 to 5, 5 to 15 or 15 to 30 operations at a time. Default: small"),
    Flag.optional
  ),
  operations: countFlag("operations", MOST_OPERATIONS).pipe(
    Flag.withDescription("By the operations that one process has in progress at a time"),
    Flag.optional
  ),
  observe: durationFlag("observe").pipe(
    Flag.filter(
      (window) => Duration.toMillis(window) >= SHORTEST_WINDOW && Duration.toMillis(window) <= LONGEST_WINDOW,
      () => "from 1s to 1h"
    ),
    Flag.withDescription("By what the database does in the next so many seconds, as 60s: Little's law"),
    Flag.optional
  ),
  processes: countFlag("processes", MOST_PROCESSES).pipe(
    Flag.withDescription("Processes that each open such a pool"),
    Flag.withDefault(1)
  ),
  tier: Flag.Literals(
    "tier",
    tiers.map(({ tier }) => tier)
  ).pipe(Flag.withDescription("Supabase's compute size, which says what the pooler grants"), Flag.optional),
  poolerSize: countFlag("pooler-size", LARGEST_POOL).pipe(
    Flag.withDescription(
      "Sessions the pooler grants to a role (Dashboard, Database, Settings). Default: the tier's, else 15"
    ),
    Flag.optional
  ),
  url,
  json
}

/** What computes and observes is loaded when it is wanted: `--help` needs none of it. */
export const size = Command.make("size", flags, (options) =>
  Effect.flatMap(
    Effect.promise(() => import("./ShowSize.ts")),
    ({ showSize }) => showSize(options)
  )
).pipe(
  Command.withShortDescription("Say how many sessions a pool should have, and why"),
  Command.withDescription(
    "Say how many sessions a pool should have, and why, with the lines for the environment. Warns when all processes " +
      "together want more than the pooler grants. Only --observe asks a database, on one read-only connection."
  ),
  Command.withExamples([
    { command: "effect-supavisor size --agent medium", description: "By the size of the agent" },
    {
      command: "effect-supavisor size --operations 12 --processes 3 --tier small",
      description: "By the operations of each of three processes, on a compute size"
    },
    { command: "effect-supavisor size --observe 60s", description: "By what the database does in the next minute" }
  ])
)
