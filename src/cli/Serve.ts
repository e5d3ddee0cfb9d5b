/** `serve`: keeps the pool and answers probes until a signal asks for the end. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { version } from "../http/Version.ts"
import * as ConfigLayer from "../layers/ConfigLayer.ts"
import * as LogLayer from "../layers/LogLayer.ts"
import { describe } from "../services/config/ConnectionString.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"

/** What the command line decides. */
export interface ServeOptions extends ConfigLayer.Options {
  /** Whether the embedded database gets a small load, so that there is something to see. Default true. */
  readonly demo?: boolean | undefined
}

/** Said before anything is loaded, started or dialled: a start that hangs must not be silent. */
const greet = Effect.gen(function* () {
  const { connection, notes, source, warnings } = yield* SessionConfig
  yield* Effect.logInfo(
    connection === undefined
      ? `effect-supavisor ${version} starts an embedded PostgreSQL.`
      : `effect-supavisor ${version} opens sessions at ${describe(connection)}, as ${source} says.`
  )
  for (const note of notes) yield* Effect.logInfo(note)
  for (const warning of warnings) yield* Effect.logWarning(warning)
})

/** The settings and the log lines in their format; all that is needed for the first words. */
const foundation = (options: ConfigLayer.Options) =>
  LogLayer.layer.pipe(Layer.provideMerge(SessionConfig.layerEnv), Layer.provideMerge(ConfigLayer.provider(options)))

/**
 * The command, to be interrupted by the first signal. Fails when the start fails.
 *
 * Settings are the environment's, then those of the file. The pool and the server are loaded after the first line.
 */
export const serve = Effect.fn("serve")(
  function* ({ demo = true }: ServeOptions) {
    yield* greet
    const { DemoWanted, layer, serving } = yield* Effect.promise(() => import("./ServeLayer.ts"))
    return yield* Effect.provide(serving, Layer.provide(layer, Layer.succeed(DemoWanted, demo)))
  },
  (effect, options) => Effect.provide(effect, foundation(options))
)
