/** The terminal of the live view: its alternate screen, updated row by row, and its keys. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Terminal from "effect/Terminal"
import type { Line, Tone } from "./Frame.ts"

/** Xterm Control Sequences, "CSI ? Pm h" and "CSI Ps ; Ps H"; tmux and screen support them. */
const ENTER = "\u001B[?1049h\u001B[?25l\u001B[2J"
const LEAVE = "\u001B[?25h\u001B[?1049l"
const CLEAR = "\u001B[2J"
const RESET = "\u001B[0m"
const rowAt = (row: number): string => `\u001B[${row};1H\u001B[2K`

/** Bold, faint, green, yellow, red. */
const codes: { readonly [Of in Tone]: number | undefined } = {
  plain: undefined,
  strong: 1,
  faint: 2,
  good: 32,
  limited: 33,
  bad: 31
}

const painted = ({ text, tone }: Line): string => {
  const code = codes[tone]
  return code === undefined || text === "" ? text : `\u001B[${code}m${text}${RESET}`
}

/** The part of a writable stream that the screen uses. */
export interface Output {
  readonly write: (text: string) => unknown
  readonly writableNeedDrain: boolean
}

export class Screen {
  private readonly output: Output
  private readonly coloured: boolean
  private drawn: ReadonlyArray<string> = []
  private entered = false

  constructor(output: Output, coloured: boolean) {
    this.output = output
    this.coloured = coloured
  }

  enter(): void {
    if (this.entered) return
    this.entered = true
    this.drawn = []
    this.output.write(ENTER)
  }

  /** Restores what was on the terminal before. */
  readonly leave = (): void => {
    if (!this.entered) return
    this.entered = false
    this.output.write(LEAVE)
  }

  /** Clears the screen; the next frame is drawn completely. */
  clear(): void {
    this.drawn = []
    if (this.entered) this.output.write(CLEAR)
  }

  /**
   * Writes the rows that changed, in one piece.
   *
   * Each row is cleared before it is written: clearing after a row as wide as the terminal removes its last character.
   * While the output's buffer is full, frames are skipped.
   */
  draw(lines: ReadonlyArray<Line>): void {
    if (!this.entered || this.output.writableNeedDrain) return
    const next = lines.map((line) => (this.coloured ? painted(line) : line.text))
    let text = ""
    for (let row = 0; row < Math.max(next.length, this.drawn.length); row += 1) {
      const content = next[row] ?? ""
      if (content !== (this.drawn[row] ?? "")) text += rowAt(row + 1) + content
    }
    this.drawn = next
    if (text !== "") this.output.write(text)
  }
}

/** The screen of this process until the scope closes; left on exit too, when a second signal ends the process. */
export const openScreen = (coloured: boolean) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const screen = new Screen(process.stdout, coloured)
      process.on("exit", screen.leave)
      screen.enter()
      return screen
    }),
    (screen) =>
      Effect.sync(() => {
        screen.leave()
        process.off("exit", screen.leave)
      })
  )

const setRawMode = (raw: boolean): void => {
  if (process.stdin.isTTY) process.stdin.setRawMode(raw)
}

/** Stops the program as the shell's Ctrl-Z does, and restores the screen when it continues. */
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
    // The whole process group, as the terminal does it: the parent, such as npm, must stop too.
    process.kill(0, "SIGTSTP")
    return Effect.sync(() => process.off("SIGCONT", wake))
  })

/** Handles keys until one that quits (q, Escape, Ctrl-C, Ctrl-D); never ends when the input is no terminal. */
export const handleKeys = Effect.fnUntraced(function* (
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
  // The terminal ends the queue after the other keys that quit.
  yield* next.pipe(Effect.repeat({ until: (quits) => quits }), Effect.ignore)
})
