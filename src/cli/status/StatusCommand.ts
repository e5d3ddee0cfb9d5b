/** `status`: the snapshot of a running program. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { formats } from "./Formats.ts"
import { operationsFlags } from "../flags/OperationsFlags.ts"

const format = Flag.Literals("format", formats).pipe(
  Flag.withDescription("One line, a table, or the whole answer as JSON. Default: line"),
  Flag.withDefault("line")
)

/** What it shows is loaded when it is wanted: `--help` needs none of it. */
export const status = Command.make("status", { ...operationsFlags, format }, (options) =>
  Effect.flatMap(
    Effect.promise(() => import("./ShowStatus.ts")),
    ({ showStatus }) => showStatus(options)
  )
).pipe(
  Command.withShortDescription("Say how a running program is"),
  Command.withDescription(
    "Say how a running program is: its verdict, sessions, waits and queries, from its /status. " +
      "Ends with 0 when it is up or degraded; with 1 when it starts, drains, is down or does not answer."
  ),
  Command.withExamples([
    { command: "effect-supavisor status", description: "The program on this machine, in one line" },
    { command: "effect-supavisor status --format table", description: "With its sessions, waiters and findings" },
    {
      command: "HTTP_TOKEN=... effect-supavisor status --url http://10.0.0.7:8321 --timeout 2s",
      description: "A program elsewhere, which wants its token"
    },
    {
      command: "effect-supavisor status --format json | jq .pool.waiting",
      description: "One number for a script"
    }
  ])
)
