/** `doctor`: why a connection does not work, or what about it will hurt. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { durationFlag } from "../flags/DatabaseFlags.ts"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

const options = {
  url: Argument.Redacted("connection-string").pipe(
    Argument.withDescription(
      "What to examine. Default: the settings of the environment. Other users of the machine may see a command line"
    ),
    Argument.optional
  ),
  only: Flag.String("only").pipe(
    Flag.withMetavar("checks"),
    Flag.withDescription("These checks, with commas between, and what they depend on: dns,tcp"),
    Flag.optional
  ),
  listChecks: flag("list-checks", "Say what each check does, and examine nothing"),
  json: flag("json", "Print one JSON document with a version instead of a table"),
  jsonLines: flag("json-lines", "Print one report per line as JSON; with --every again and again"),
  every: durationFlag("every").pipe(
    Flag.withDescription("With --json-lines: examine again after this long, until interrupted"),
    Flag.optional
  ),
  strict: flag("strict", "End with 1 for warnings too"),
  timeout: durationFlag("timeout").pipe(
    Flag.withDescription("How long each check may take. Default: 10s"),
    Flag.optional
  ),
  probeCapacity: flag(
    "probe-capacity",
    "Take sessions until the pooler refuses one, 100 at most, and close them: tells its pool size"
  ),
  nameServer: Flag.String("name-server").pipe(
    Flag.withMetavar("address"),
    Flag.withDescription("Ask this name server instead of the system's, for instance 1.1.1.1"),
    Flag.optional
  )
}

/** What the flags come to. */
export type DoctorFlags = Command.Command.Config.Infer<typeof options>

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
