/** Whether there is a demonstration: on the embedded database only, and only where it is wanted. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DemoLoad } from "../services/embedded/DemoLoad.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"

/** Whether a load is wanted where nothing else would be seen. Default false: the command line decides. */
export const DemoWanted = Context.Reference<boolean>("effect-supavisor/DemoWanted", {
  defaultValue: () => false
})

/**
 * Loads the pool a little when its database is the embedded one and `DemoWanted` is set, and says so. A database that
 * somebody has configured is never loaded.
 */
export const layer: Layer.Layer<DemoLoad, never, SessionConfig | SessionPool> = Layer.unwrap(
  Effect.gen(function* () {
    const { connectionType } = yield* SessionConfig
    if (connectionType !== "embedded" || !(yield* DemoWanted)) return DemoLoad.layerNone
    yield* Effect.logInfo(
      "A small demonstration load runs on the embedded database; all of it is named demo. --no-demo switches it off."
    )
    return DemoLoad.layer
  })
)
