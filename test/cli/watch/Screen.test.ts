import { assert, describe, it } from "@effect/vitest"
import { line } from "../../../src/cli/watch/Frame.ts"
import { Screen } from "../../../src/cli/watch/Screen.ts"

const CSI = "\u001B["

const recorded = (coloured = false) => {
  const written: Array<string> = []
  const output = { write: (text: string) => written.push(text), writableNeedDrain: false }
  const screen = new Screen(output, coloured)
  /** What was written since the last look. */
  const news = (): string => written.splice(0).join("")
  return { news, output, screen }
}

describe("the screen", () => {
  it("enters the alternate screen without a cursor, and gives both back once", () => {
    const { news, screen } = recorded()
    screen.enter()
    screen.enter()
    assert.strictEqual(news(), `${CSI}?1049h${CSI}?25l${CSI}2J`)
    screen.leave()
    screen.leave()
    assert.strictEqual(news(), `${CSI}?25h${CSI}?1049l`)
  })

  it("writes only the rows that changed, each cleared first", () => {
    const { news, screen } = recorded()
    screen.enter()
    screen.draw([line("a"), line("b"), line("c")])
    news()
    screen.draw([line("a"), line("B")])
    assert.strictEqual(news(), `${CSI}2;1H${CSI}2KB${CSI}3;1H${CSI}2K`)
    screen.draw([line("a"), line("B")])
    assert.strictEqual(news(), "")
  })

  it("draws all of it after a resize", () => {
    const { news, screen } = recorded()
    screen.enter()
    screen.draw([line("a")])
    screen.clear()
    news()
    screen.draw([line("a")])
    assert.strictEqual(news(), `${CSI}1;1H${CSI}2Ka`)
  })

  it("paints by tone only where colour is wanted", () => {
    for (const [coloured, expected] of [
      [true, `${CSI}31mdown${CSI}0m`],
      [false, "down"]
    ] as const) {
      const { news, screen } = recorded(coloured)
      screen.enter()
      news()
      screen.draw([line("down", "bad")])
      assert.strictEqual(news(), `${CSI}1;1H${CSI}2K${expected}`)
    }
  })

  it("skips frames for a terminal that does not keep up, and then shows the newest", () => {
    const { news, output, screen } = recorded()
    screen.enter()
    news()
    output.writableNeedDrain = true
    screen.draw([line("old")])
    assert.strictEqual(news(), "")
    output.writableNeedDrain = false
    screen.draw([line("new")])
    assert.strictEqual(news(), `${CSI}1;1H${CSI}2Knew`)
  })

  it("writes nothing before it is entered or after it is left", () => {
    const { news, screen } = recorded()
    screen.draw([line("a")])
    screen.leave()
    screen.clear()
    assert.strictEqual(news(), "")
  })
})
