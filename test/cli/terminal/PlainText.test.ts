import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import {
  cut,
  fill,
  fillLeft,
  parsePlain,
  plainText,
  safeJson,
  widthOf,
  wrap
} from "../../../src/cli/terminal/PlainText.ts"

/** Text as a hostile server would write it: escapes, wide characters, marks, emoji. */
const anyText = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.constantFrom("\u001B[2J", "數據庫連接", "e\u0301a", "👩‍👩‍👧", "\u202Egnp.exe", "a\u0000b", "\u009B31m")
)

// oxlint-disable-next-line no-control-regex -- these are the characters that must be gone
const OBEYED = /[\u0000-\u001F\u007F-\u009F\u2028\u2029\u202A-\u202E\u2066-\u2069]/

describe("PlainText", () => {
  it("removes whatever a terminal would interpret, and keeps the rest in its order", () => {
    assert.strictEqual(plainText("a\u001B[31mb\nc\u009B2Jd\u202Ee "), "a [31mb c 2Jd e")
    fc.assert(fc.property(anyText, (text) => assert.notMatch(plainText(text), OBEYED)))
  })

  it("makes every text in JSON plain, at any depth", () => {
    assert.deepStrictEqual(parsePlain('{"a":["x\\u001b[2J",{"b":"y\\nz"}],"n":1}'), {
      a: ["x [2J", { b: "y z" }],
      n: 1
    })
  })

  it("writes JSON that reads back unchanged and holds nothing that a terminal would interpret", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = safeJson({ text })
        assert.notMatch(written.replaceAll("\n", ""), OBEYED)
        assert.deepStrictEqual(JSON.parse(written), { text })
      })
    )
  })

  it("cuts to a width, with an ellipsis only where something is missing", () => {
    assert.strictEqual(cut("select 1", 8), "select 1")
    assert.strictEqual(cut("select 12", 8), "select…")
    assert.strictEqual(cut("數據庫", 5), "數據…")
    assert.strictEqual(cut("數據庫", 4), "數…")
    assert.strictEqual(cut("abc", 0), "")
  })

  it("never makes anything wider than the given width, and fills to exactly the width", () => {
    fc.assert(
      fc.property(anyText.map(plainText), fc.nat({ max: 30 }), (text, width) => {
        assert.isAtMost(widthOf(cut(text, width)), width)
        assert.strictEqual(widthOf(fill(text, width)), width)
        assert.strictEqual(widthOf(fillLeft(text, width)), width)
        for (const line of wrap(text, Math.max(2, width))) assert.isAtMost(widthOf(line), Math.max(2, width))
      })
    )
  })

  it("wraps between words and keeps all of them while they fit", () => {
    assert.deepStrictEqual(wrap("the server answers slowly", 10), ["the server", "answers", "slowly"])
    const words = fc.array(fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 8 }), { minLength: 1 })
    fc.assert(
      fc.property(words, fc.integer({ min: 8, max: 20 }), (parts, width) => {
        assert.strictEqual(wrap(parts.join(" "), width).join(" "), parts.join(" "))
      })
    )
  })
})
