/** `doctor`: diagnoses a connection. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { options } from "./DoctorFlags.ts"

/** Imports the checks only when they run: `--help` starts faster without them. */
export const doctor = Command.make("doctor", options, (flags) =>
  Effect.promise(() => import("./RunDoctor.ts")).pipe(Effect.flatMap(({ runDoctor }) => runDoctor(flags)))
).pipe(
  Command.withShortDescription("Diagnose a connection, with remedies"),
  Command.withDescription(
    "Diagnose a connection, with remedies: settings, address, DNS, route, TCP, TLS, login, session mode, limits. " +
      "Each check runs once, with a time limit. Exit codes: 0 when the connection works, also with warnings; 1 for a " +
      "failure; 2 when the settings are invalid and no check was run."
  ),
  Command.withExamples([
    { command: "effect-supavisor doctor", description: "Check the connection of SUPABASE_SESSION_POOLER" },
    { command: 'effect-supavisor doctor "$DATABASE_URL" --timeout 5s', description: "Check another connection string" },
    { command: "effect-supavisor doctor --only dns,tcp", description: "Check the network only" },
    { command: "effect-supavisor doctor --only capacity --probe-capacity", description: "Find the pooler's pool size" },
    { command: "effect-supavisor doctor --json | jq -r .verdict.text", description: "Print the verdict for a script" },
    {
      command: "effect-supavisor doctor --json-lines --every 30s >> doctor.log",
      description: "Repeat every 30 seconds"
    }
  ])
)
