import * as Argument from "effect/cli/Argument"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { durationFlag } from "../flags/DatabaseFlags.ts"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

export const options = {
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
