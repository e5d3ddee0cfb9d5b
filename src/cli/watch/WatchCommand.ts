/** `watch`: a running program, live. */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { operationsFlags } from "../flags/OperationsFlags.ts"

/** The implementation is loaded when the command runs; `--help` does not need it. */
export const watch = Command.make("watch", operationsFlags, (options) =>
  Effect.promise(() => import("./ShowWatch.ts")).pipe(Effect.flatMap(({ showWatch }) => showWatch(options)))
).pipe(
  Command.withShortDescription("Show a running program live, in the terminal"),
  Command.withDescription(
    "Show a running program live, from its /events: verdict, numbers and trends, sessions, waiters, findings and " +
      "events. When the output is not a terminal it writes one line a second. It reconnects when the program " +
      "restarts; q or Ctrl-C ends it."
  ),
  Command.withExamples([
    { command: "effect-supavisor watch", description: "The program on this machine" },
    { command: "effect-supavisor watch | tee pool.log", description: "One line a second, for a file" },
    {
      command: "HTTP_TOKEN=... effect-supavisor watch --url http://10.0.0.7:8321",
      description: "A program on another machine, which requires a token"
    }
  ])
)
