/** `status`: the snapshot of a running program. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import { operationsFlags } from "../flags/OperationsFlags.ts"

const format = Flag.Literals("format", ["line", "table", "json"]).pipe(
  Flag.withDescription("One line, a table, or the whole status as JSON. Default: line"),
  Flag.withDefault("line")
)

/** The implementation is loaded when the command runs; `--help` does not need it. */
export const status = Command.make("status", { ...operationsFlags, format }, (options) =>
  Effect.promise(() => import("./ShowStatus.ts")).pipe(Effect.flatMap(({ showStatus }) => showStatus(options)))
).pipe(
  Command.withShortDescription("Show the status of a running program"),
  Command.withDescription(
    "Show the status of a running program: its verdict, sessions, waits and queries, from its /status. " +
      "Ends with 0 when it is up or degraded; with 1 when it is starting, draining or down, or does not answer."
  ),
  Command.withExamples([
    { command: "effect-supavisor status", description: "The program on this machine, in one line" },
    { command: "effect-supavisor status --format table", description: "With its sessions, waiters and findings" },
    {
      command: "HTTP_TOKEN=... effect-supavisor status --url http://10.0.0.7:8321 --timeout 2s",
      description: "A program on another machine, which requires a token"
    },
    {
      command: "effect-supavisor status --format json | jq .pool.waiting",
      description: "One number for a script"
    }
  ])
)
