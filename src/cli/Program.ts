/** The command line: `effect-supavisor [command] [--env-file PATH]`. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { version } from "../http/Version.ts"
import * as EnvFileLayer from "../layers/EnvFileLayer.ts"
import { doctor } from "./doctor/DoctorCommand.ts"
import { inspect } from "./inspect/InspectCommand.ts"
import { runProgram } from "./Runner.ts"
import type { Signals } from "./Signals.ts"
import { size } from "./size/SizeCommand.ts"
import { status } from "./status/StatusCommand.ts"
import * as Usage from "./Usage.ts"
import { watch } from "./watch/WatchCommand.ts"

const envFile = Flag.Path("env-file").pipe(
  Flag.withDescription("Read variables from this file, after the environment. Default: .env, if there is one"),
  Flag.optional
)

const demo = Flag.Boolean("demo").pipe(
  Flag.withDescription("Run a small demonstration load on the embedded PostgreSQL. Default: on; --no-demo disables it"),
  Flag.withDefault(true)
)

/** Loads the server only to serve: `--help` does not need it. */
const serveWith = (options: { readonly envFile: Option.Option<string>; readonly demo: boolean }) =>
  Effect.promise(() => import("./Serve.ts")).pipe(
    Effect.flatMap(({ serve }) => serve({ envFile: Option.getOrUndefined(options.envFile), demo: options.demo }))
  )

const root = Command.make("effect-supavisor", { demo }).pipe(
  Command.withSharedFlags({ envFile }),
  Command.withDescription(
    "A pool of Postgres sessions that understands the pooler in front of it. Without a command it serves."
  ),
  Command.withExamples([
    { command: "effect-supavisor", description: "Serve, with an embedded PostgreSQL unless a database is configured" },
    { command: "effect-supavisor doctor", description: "Find out why a connection does not work, and the remedy" },
    { command: "effect-supavisor status", description: "Show the state of the running program" },
    {
      command: "effect-supavisor --completions bash > ~/.local/share/bash-completion/completions/effect-supavisor",
      description: "Complete commands and flags in bash"
    }
  ]),
  Command.withHandler(serveWith)
)

const serveCommand = Command.make("serve", { demo }, ({ demo }) =>
  Effect.flatMap(root, ({ envFile }) => serveWith({ envFile, demo }))
).pipe(
  Command.withShortDescription("Run a session pool, and serve its page, status, metrics and probes"),
  Command.withDescription(
    "Run a session pool and serve its page, status, metrics and probes. " +
      "Without SUPABASE_SESSION_POOLER it uses an embedded PostgreSQL."
  ),
  Command.withExamples([
    { command: "effect-supavisor serve --no-demo", description: "Embedded PostgreSQL without the demonstration load" },
    { command: "SUPABASE_SESSION_POOLER=postgres://... effect-supavisor serve", description: "Sessions at a pooler" },
    {
      command: "effect-supavisor serve --env-file production.env",
      description: "With variables of a file; the environment takes precedence"
    }
  ])
)

/** All except the wizard, which would print secrets in plain text. */
const builtIns = [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel]

const tree = root.pipe(
  Command.withSubcommands([serveCommand, status, watch, doctor, inspect, size]),
  Command.provide(({ envFile }) => EnvFileLayer.provider({ envFile: Option.getOrUndefined(envFile) }))
)

/** Runs a command line, given without the name of the program. Wrong usage is printed and fails. */
export const commandLine = (parameters: ReadonlyArray<string>) =>
  Command.runWith(tree, { version })(parameters).pipe(
    Effect.provide([NodeServices.layer, Usage.layer, CliConfig.layer({ builtIns })])
  )

export const run = (signals: Signals): void => runProgram(commandLine(process.argv.slice(2)), signals)
