/** `doctor`: why a connection does not work, or what about it will hurt. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { options } from "./DoctorFlags.ts"

/** What examines is loaded when it is wanted: `--help` needs none of it. */
export const doctor = Command.make("doctor", options, (flags) =>
  Effect.flatMap(
    Effect.promise(() => import("./RunDoctor.ts")),
    ({ runDoctor }) => runDoctor(flags)
  )
).pipe(
  Command.withShortDescription("Say why a connection does not work, and what to do"),
  Command.withDescription(
    "Say why a connection does not work, or what about it will hurt, and what to do: settings, address, DNS, route, " +
      "TCP, TLS, login, session, limits, each check once and bounded. Ends with 0 when it works, also with warnings; " +
      "with 1 for a failure; with 2 when the settings cannot be used and nothing was attempted."
  ),
  Command.withExamples([
    { command: "effect-supavisor doctor", description: "Examine what SUPABASE_SESSION_POOLER names" },
    {
      command: 'effect-supavisor doctor "$DATABASE_URL" --timeout 5s',
      description: "Examine another connection string"
    },
    { command: "effect-supavisor doctor --only dns,tcp", description: "The network alone" },
    { command: "effect-supavisor doctor --only capacity --probe-capacity", description: "Count the pooler's sessions" },
    { command: "effect-supavisor doctor --json | jq -r .verdict.text", description: "For a script" },
    { command: "effect-supavisor doctor --json-lines --every 30s >> doctor.log", description: "Keep watch" }
  ])
)
