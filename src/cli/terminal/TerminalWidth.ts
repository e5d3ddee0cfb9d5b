import * as Effect from "effect/Effect"
import * as Terminal from "effect/Terminal"

/** Columns of the terminal; undefined where the output goes into a pipe or a file, which have no width. */
export const terminalWidth: Effect.Effect<number | undefined, never, Terminal.Terminal> = Effect.gen(function* () {
  const columns = yield* (yield* Terminal.Terminal).columns
  return columns > 0 ? columns : undefined
})
