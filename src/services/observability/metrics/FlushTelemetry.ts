/** How whoever measures has the last values sent before they are gone. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Sends what has been gathered, bounded in time; does nothing where nothing is exported. */
export const FlushTelemetry = Context.Reference<Effect.Effect<void>>("effect-supavisor/FlushTelemetry", {
  defaultValue: () => Effect.void
})
