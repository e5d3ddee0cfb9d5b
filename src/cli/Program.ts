/** The command line: `effect-supavisor [serve] [--env-file PATH]`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { version } from "../http/Version.ts"
import { runProgram } from "./Runner.ts"
import type { Signals } from "./Signals.ts"

const envFile = Flag.Path("env-file").pipe(
  Flag.withDescription("Read variables from this file, after the environment. Default: .env, if there is one"),
  Flag.optional
)

/** The server is loaded when it is wanted: `--help` needs none of it. */
const serveWith = (options: { readonly envFile: Option.Option<string> }) =>
  Effect.flatMap(
    Effect.promise(() => import("./Serve.ts")),
    ({ serve }) => serve({ envFile: Option.getOrUndefined(options.envFile) })
  )

const root = Command.make("effect-supavisor").pipe(
  Command.withSharedFlags({ envFile }),
  Command.withDescription(
    "A pool of Postgres sessions that understands the pooler in front of it. Without a command it serves."
  ),
  Command.withHandler(serveWith)
)

const serveCommand = Command.make("serve", {}, () => Effect.flatMap(root, serveWith)).pipe(
  Command.withDescription(
    "Keep a session pool and serve /livez, /readyz and /status. Without SUPABASE_SESSION_POOLER it brings a PostgreSQL of its own."
  )
)

/** The program of the command line given, without the process around it. */
const program = root.pipe(
  Command.withSubcommands([serveCommand]),
  Command.run({ version }),
  Effect.provide(NodeServices.layer)
)

/** Runs the command line of this process. */
export const run = (signals: Signals): void => runProgram(program, signals)
