/** The demonstration load, on the embedded database only. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DemoLoad } from "../services/embedded/DemoLoad.ts"
import { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"

/** Whether the embedded database gets a demonstration load. Default false; the command line sets it. */
export const DemoEnabled = Context.Reference<boolean>("effect-supavisor/DemoEnabled", {
  defaultValue: () => false
})

/** Starts and logs the load when the database is the embedded one and `DemoEnabled` is set; otherwise there is none. */
export const layer: Layer.Layer<DemoLoad, never, SessionConfig | SessionPool> = Layer.unwrap(
  Effect.gen(function* () {
    const { connectionType } = yield* SessionConfig
    if (connectionType !== "embedded" || !(yield* DemoEnabled)) return DemoLoad.layerNone
    yield* Effect.logInfo(
      "A small demonstration load runs on the embedded database; its statements are named demo. --no-demo disables it."
    )
    return DemoLoad.layer
  })
)
