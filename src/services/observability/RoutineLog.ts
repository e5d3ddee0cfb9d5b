/** Log lines that report normal operation. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Severity } from "effect/LogLevel"

/**
 * The level of lines about normal operation. Default debug: Effect's default logger writes info to stdout, which may
 * carry the application's protocol. The program sets info.
 */
export const RoutineLogLevel = Context.Reference<Severity>("effect-supavisor/RoutineLogLevel", {
  defaultValue: () => "Debug"
})

export const logRoutine = (text: string): Effect.Effect<void> =>
  Effect.flatMap(RoutineLogLevel, (level) => Effect.logWithLevel(level)(text))
