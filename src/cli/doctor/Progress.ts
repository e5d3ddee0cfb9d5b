/** Shows the running check on a terminal's stderr; the line is cleared before other output. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

const FRAME_MILLIS = 100

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const

const CLEAR_LINE = "\r\u001B[K"

export interface Progress {
  readonly show: (what: string) => Effect.Effect<void>
  /** Clears the line. */
  readonly hide: Effect.Effect<void>
}

const silent: Progress = { show: () => Effect.void, hide: Effect.void }

/** Writes with the given function; shows nothing without one. Closing the scope clears the line. */
export const makeProgress = (
  write: ((text: string) => void) | undefined
): Effect.Effect<Progress, never, Scope.Scope> => {
  if (write === undefined) return Effect.succeed(silent)
  return Effect.gen(function* () {
    let what: string | undefined
    let frame = 0
    const draw = Effect.sync(() => {
      if (what === undefined) return
      write(`${CLEAR_LINE}${FRAMES[frame++ % FRAMES.length]} ${what} …`)
    })
    const hide = Effect.sync(() => {
      if (what === undefined) return
      what = undefined
      write(CLEAR_LINE)
    })
    const drawing = yield* Effect.forkScoped(Effect.forever(Effect.andThen(draw, Effect.sleep(FRAME_MILLIS))))
    yield* Effect.addFinalizer(() => Effect.andThen(Fiber.interrupt(drawing), hide))
    return {
      show: (next) =>
        Effect.suspend(() => {
          what = next
          return draw
        }),
      hide
    }
  })
}
