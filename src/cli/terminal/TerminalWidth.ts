import * as Effect from "effect/Effect"
import * as Terminal from "effect/Terminal"

/** The terminal's width in columns; undefined for a pipe or a file. */
export const terminalWidth: Effect.Effect<number | undefined, never, Terminal.Terminal> = Effect.gen(function* () {
  const columns = yield* (yield* Terminal.Terminal).columns
  return columns > 0 ? columns : undefined
})
