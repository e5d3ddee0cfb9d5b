/** What is being looked at now, on a terminal's error stream, gone before the next line is written. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"

/** Ten frames a second look alive and cost nothing. */
const FRAME_MILLIS = 100

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const

const CLEAR_LINE = "\r\u001B[K"

/** A line that says what goes on. */
export interface Progress {
  readonly show: (what: string) => Effect.Effect<void>
  /** Takes the line away. */
  readonly hide: Effect.Effect<void>
}

const silent: Progress = { show: () => Effect.void, hide: Effect.void }

/** Progress through the function given; none where it is undefined. The line is gone when the scope closes. */
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
