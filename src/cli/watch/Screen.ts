/** The terminal while the live view owns it: the alternate screen, changed row by row, and given back as it was. */
import * as Effect from "effect/Effect"
import type { Line, Tone } from "./Blocks.ts"

/** What xterm calls them (Xterm Control Sequences, "CSI ? Pm h" and "CSI Ps ; Ps H"); tmux and screen know them all. */
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

/** As much of a stream as the screen writes to. */
export interface Output {
  readonly write: (text: string) => unknown
  /** Whether what was written has not left yet. */
  readonly writableNeedDrain: boolean
}

/** The alternate screen of a terminal. */
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

  /** Gives the terminal back; what was on it before is there again. */
  readonly leave = (): void => {
    if (!this.entered) return
    this.entered = false
    this.output.write(LEAVE)
  }

  /** Forgets what stands there: the next drawing begins on an empty screen. */
  forget(): void {
    this.drawn = []
    if (this.entered) this.output.write(CLEAR)
  }

  /**
   * Writes the rows that differ from those that stand there, in one piece.
   *
   * Each row is cleared before it is written: clearing behind a row as wide as the terminal takes its last character.
   * A terminal that does not keep up misses frames instead of being sent ever more.
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

/** The screen of this process until the scope ends, however it ends: also when a second signal ends it at once. */
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
