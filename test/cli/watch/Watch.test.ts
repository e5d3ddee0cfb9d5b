import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { mainFile, start } from "../RunningProgram.ts"
import { scriptedProgram } from "../status/ScriptedProgram.ts"
import { onTerminal, startOnTerminal } from "./PseudoTerminal.ts"

const ESC = "\u001B"
const ENTER = `${ESC}[?1049h${ESC}[?25l`
const LEAVE = `${ESC}[?25h${ESC}[?1049l`
const SIZE = { columns: 60, rows: 15 }

/** How the terminal is left: lines are edited and shown as they are typed. */
const isUsable = (settings: string): boolean => /(?<!-)icanon/.test(settings) && /(?<!-)\becho\b/.test(settings)

describe("watch on a terminal", () => {
  onTerminal("draws within its rows and columns on the alternate screen, and gives it back for a q", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const terminal = yield* startOnTerminal(["watch", "--url", base], SIZE)
      yield* terminal.printed(/Degraded for/)
      terminal.type("xq")
      const { after, code } = yield* terminal.ended
      assert.strictEqual(code, "0")
      assert.isTrue(isUsable(after), after)
      const output = terminal.output()
      assert.isBelow(output.indexOf(ENTER), output.indexOf("Degraded"))
      assert.strictEqual(output.split(LEAVE).length, 2)
      const rows = Array.from(output.replaceAll(ESC, "ESC").matchAll(/ESC\[(\d+);1HESC\[2K(.*?)(?=ESC|[\r\n])/g))
      assert.isAbove(rows.length, 5)
      for (const [, row = "", text = ""] of rows) {
        assert.isAtMost(Number(row), SIZE.rows)
        assert.isAtMost(Array.from(text).length, SIZE.columns)
      }
    })
  )

  onTerminal("gives the terminal back for Ctrl-C and for SIGTERM too, as a success", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      for (const stop of ["Ctrl-C", "SIGTERM"] as const) {
        const terminal = yield* startOnTerminal(["watch", "--url", base], SIZE)
        yield* terminal.printed(/Degraded for/)
        if (stop === "SIGTERM") terminal.kill(stop)
        else terminal.type("\u0003")
        const { after, code } = yield* terminal.ended
        assert.strictEqual(code, "0", stop)
        assert.isTrue(isUsable(after), after)
        assert.include(terminal.output(), LEAVE)
      }
    })
  )

  onTerminal("shows a loss, and writes to the ordinary screen why it ends", () =>
    Effect.gen(function* () {
      const program = yield* scriptedProgram
      const terminal = yield* startOnTerminal(["watch", "--url", program.base], SIZE, { NO_COLOR: "1" })
      yield* terminal.printed(/Degraded for/)
      yield* program.stop
      yield* terminal.printed(/Not connected for/)
      program.answer = (_, response) => {
        response.writeHead(401).end()
        return true
      }
      yield* program.start
      const { after, code } = yield* terminal.ended
      assert.strictEqual(code, "1")
      assert.isTrue(isUsable(after), after)
      const output = terminal.output()
      assert.match(output.slice(output.indexOf(LEAVE)), /requires a token \(401\)/)
      assert.notMatch(output.replaceAll(ESC, "ESC"), /ESC\[\d*m/, "NO_COLOR is set")
    })
  )

  onTerminal("does not touch the screen when no program answers", () =>
    Effect.gen(function* () {
      const { base } = yield* Effect.scoped(scriptedProgram)
      const terminal = yield* startOnTerminal(["watch", "--url", base], SIZE)
      assert.strictEqual((yield* terminal.ended).code, "1")
      assert.notInclude(terminal.output(), ENTER)
      assert.include(terminal.output(), "No program answers at")
    })
  )
})

describe("watch in a pipe", () => {
  it.live(
    "writes a line a second without escapes, reports that the program is gone, and exits with 0 on a signal",
    () =>
      Effect.gen(function* () {
        const program = yield* scriptedProgram
        const watch = yield* start({ command: [process.execPath, mainFile, "watch", "--url", program.base] })
        yield* watch.printed(/^\S+Z Degraded for .*\n\S+Z Degraded for .*\n/)
        yield* program.stop
        yield* watch.printed(/\n\S+Z Not connected for .* Last status: Degraded .*\n/)
        watch.child.kill("SIGTERM")
        assert.strictEqual((yield* watch.ended).outcome, 0)
        const lines = watch.output().trimEnd().split("\n")
        const seconds = lines.map((line) => Date.parse(line.split(" ")[0] ?? "") / 1000)
        assert.isAtMost(lines.length, (seconds.at(-1) ?? 0) - (seconds[0] ?? 0) + 2)
        assert.notInclude(watch.output(), ESC)
      })
  )

  it.live("ends when its output is closed", () =>
    Effect.gen(function* () {
      const { base } = yield* scriptedProgram
      const shell = `"${process.execPath}" "${mainFile}" watch --url ${base} | head -n 1; echo "over \${PIPESTATUS[0]}"`
      const piped = yield* start({ command: ["bash", "-c", shell] })
      yield* piped.printed(/over 0/)
    })
  )
})
