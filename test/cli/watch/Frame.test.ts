import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import * as Fs from "node:fs"
import { widthOf } from "../../../src/cli/terminal/PlainText.ts"
import { asciiBlocks, blocks, frame, type View } from "../../../src/cli/watch/Frame.ts"
import { NOW } from "../status/Statuses.ts"
import { states } from "./States.ts"

const view: View = { columns: 80, rows: 24, now: NOW, base: "http://127.0.0.1:8321", characters: blocks }

const textOf = (state: keyof typeof states, change: Partial<View> = {}): string =>
  frame(states[state], { ...view, ...change })
    .map(({ text }) => text)
    .join("\n")

/** The reviewed frames. */
const golden = (name: string): string => Fs.readFileSync(new URL(`./frames/${name}.txt`, import.meta.url), "utf8")

const frames = [
  ["busy-80x24", "busy", {}],
  ["busy-120x40", "busy", { columns: 120, rows: 40 }],
  ["busy-40x12", "busy", { columns: 40, rows: 12 }],
  ["busy-ascii-80x24", "busy", { characters: asciiBlocks }],
  ["idle-80x24", "idle", {}],
  ["down-80x24", "down", {}],
  ["stale-80x24", "stale", {}],
  ["disconnected-80x24", "disconnected", {}],
  ["connecting-80x24", "connecting", {}]
] as const

describe("the live view", () => {
  it.each(frames)("draws %s as reviewed", (name, state, change) => {
    assert.strictEqual(`${textOf(state, change)}\n`, golden(name))
  })

  it("is never longer or wider than the terminal", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...(Object.keys(states) as ReadonlyArray<keyof typeof states>)),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 80 }),
        (state, columns, rows) => {
          const lines = frame(states[state], { ...view, columns, rows })
          assert.isAtMost(lines.length, rows)
          for (const { text } of lines) assert.isAtMost(widthOf(text), columns)
        }
      )
    )
  })

  it("keeps the verdict to the last row", () => {
    assert.match(textOf("busy", { rows: 1 }), /^Degraded for 12 s/)
    assert.match(textOf("disconnected", { rows: 1 }), /^Not connected for 4\.0 s/)
  })

  it("gives an outdated verdict no colour", () => {
    for (const state of ["stale", "disconnected"] as const) {
      const verdict = frame(states[state], view).find(({ text }) => text.startsWith("Last status: Degraded"))
      assert.strictEqual(verdict?.tone, "faint")
    }
    assert.strictEqual(frame(states.busy, view).find(({ text }) => text.startsWith("Degraded"))?.tone, "limited")
  })
})
