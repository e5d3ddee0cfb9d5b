/** The keys of the live view. While it runs the terminal sends them as they are pressed, Ctrl-C among them. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Terminal from "effect/Terminal"
import type { Screen } from "./Screen.ts"

const setRawMode = (raw: boolean): void => {
  if (process.stdin.isTTY) process.stdin.setRawMode(raw)
}

/** Gives the terminal back to the shell, and takes it again when the shell brings us back. */
const suspend = (screen: Screen) =>
  Effect.callback<void>((resume) => {
    const wake = () => {
      setRawMode(true)
      screen.enter()
      resume(Effect.void)
    }
    screen.leave()
    setRawMode(false)
    process.once("SIGCONT", wake)
    // The whole group, as the terminal itself does it: whoever started us, npm for one, must stop with us.
    process.kill(0, "SIGTSTP")
    return Effect.sync(() => process.off("SIGCONT", wake))
  })

/** Ends when somebody wants to leave (q, Escape, Ctrl-C, Ctrl-D); never where nobody can press a key. */
export const reactToKeys = Effect.fnUntraced(function* (
  terminal: Terminal.Terminal,
  screen: Screen,
  redraw: Effect.Effect<unknown>
) {
  if (!process.stdin.isTTY) return yield* Effect.never
  const keys = yield* terminal.readInput
  const next = Effect.gen(function* () {
    const { key } = yield* Queue.take(keys)
    if (key.name === "q" && !key.ctrl) return true
    if (key.name === "l" && key.ctrl) yield* redraw
    if (key.name === "z" && key.ctrl) yield* Effect.andThen(suspend(screen), redraw)
    return false
  })
  // The queue is done after a key that asks for the end.
  yield* next.pipe(Effect.repeat({ until: (isEnd) => isEnd }), Effect.ignore)
})
