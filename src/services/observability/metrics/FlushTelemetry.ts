import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Exports the last values before the metrics are removed, within a time limit; does nothing without an exporter. */
export const FlushTelemetry = Context.Reference<Effect.Effect<void>>("effect-supavisor/FlushTelemetry", {
  defaultValue: () => Effect.void
})
