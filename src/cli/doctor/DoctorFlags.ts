import * as Argument from "effect/cli/Argument"
import type * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { durationFlag } from "../flags/DatabaseFlags.ts"

const flag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withoutNegation, Flag.withDefault(false))

export const options = {
  url: Argument.Redacted("connection-string").pipe(
    Argument.withDescription(
      "The connection to check. Default: the environment's settings. Other users of the machine can see command lines"
    ),
    Argument.optional
  ),
  only: Flag.String("only").pipe(
    Flag.withMetavar("checks"),
    Flag.withDescription("Run only these checks, separated by commas, and the checks they need: dns,tcp"),
    Flag.optional
  ),
  listChecks: flag("list-checks", "List what each check does; run none"),
  json: flag("json", "Print the report as one JSON document instead of a table"),
  jsonLines: flag("json-lines", "Print the report as JSON on one line; repeat with --every"),
  every: durationFlag("every").pipe(
    Flag.withDescription("With --json-lines: run again after this duration, until interrupted"),
    Flag.optional
  ),
  strict: flag("strict", "Exit with 1 for warnings too"),
  timeout: durationFlag("timeout").pipe(Flag.withDescription("Time limit of each check. Default: 10s"), Flag.optional),
  probeCapacity: flag(
    "probe-capacity",
    "Open sessions until the pooler refuses one, 100 at most, and close them: finds its pool size"
  ),
  nameServer: Flag.String("name-server").pipe(
    Flag.withMetavar("address"),
    Flag.withDescription("Query this name server instead of the system's, for instance 1.1.1.1"),
    Flag.optional
  )
}

export type DoctorFlags = Command.Command.Config.Infer<typeof options>
