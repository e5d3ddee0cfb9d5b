/** `serve`: runs the pool and the operations server until a signal. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { version } from "../http/Version.ts"
import * as ConfigLayer from "../layers/ConfigLayer.ts"
import * as LogLayer from "../layers/LogLayer.ts"
import { describe } from "../services/config/ConnectionString.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"

export interface ServeOptions extends ConfigLayer.Options {
  /** Whether the embedded database gets a demonstration load. Default true. */
  readonly demo?: boolean | undefined
}

/** Logged before anything is loaded or dialled, so that a start that hangs is not silent. */
const logStart = Effect.gen(function* () {
  const { connection, notes, source, warnings } = yield* SessionConfig
  yield* Effect.logInfo(
    connection === undefined
      ? `effect-supavisor ${version} starts an embedded PostgreSQL.`
      : `effect-supavisor ${version} opens sessions at ${describe(connection)}, as ${source} says.`
  )
  for (const note of notes) yield* Effect.logInfo(note)
  for (const warning of warnings) yield* Effect.logWarning(warning)
})

/** Settings and log format: all that the first log lines need. */
const foundation = (options: ConfigLayer.Options) =>
  LogLayer.layer.pipe(Layer.provideMerge(SessionConfig.layerEnv), Layer.provideMerge(ConfigLayer.provider(options)))

/** Settings come from the environment, then from the file. Pool and server are loaded after the first log line. */
export const serve = Effect.fn("serve")(
  function* ({ demo = true }: ServeOptions) {
    yield* logStart
    const { DemoEnabled, layer, serving } = yield* Effect.promise(() => import("./ServeLayer.ts"))
    return yield* Effect.provide(serving, Layer.provide(layer, Layer.succeed(DemoEnabled, demo)))
  },
  (effect, options) => Effect.provide(effect, foundation(options))
)
