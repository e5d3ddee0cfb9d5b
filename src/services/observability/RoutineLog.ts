/** Log lines that report normal operation, and failures of fibers that must continue. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Severity } from "effect/LogLevel"

/** Default debug, because info goes to stdout, which may carry the application's protocol. The program sets info. */
export const RoutineLogLevel = Context.Reference<Severity>("effect-supavisor/RoutineLogLevel", {
  defaultValue: () => "Debug"
})

export const logRoutine = (text: string): Effect.Effect<void> =>
  Effect.flatMap(RoutineLogLevel, (level) => Effect.logWithLevel(level)(text))

/** Logs a failure with this text, so that only an interruption ends the fiber. */
export const guarded =
  (text: string) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<void> =>
    Effect.catchCause(Effect.asVoid(effect), (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logError(text, cause)
    )
