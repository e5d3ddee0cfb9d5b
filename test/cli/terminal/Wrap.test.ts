import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { wrap } from "../../../src/cli/terminal/PlainText.ts"

const withoutBlanks = (text: string): string => text.replaceAll(/\s/g, "")

describe("text in lines", () => {
  it("is never wider than the width and loses nothing but blanks", () => {
    const words = fc.array(fc.string({ unit: fc.constantFrom(..."abc-_./@:,=012 ") }), { maxLength: 12 })
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 40 }), (parts, width) => {
        const text = parts.join(" ")
        const lines = wrap(text, width)
        assert.isTrue(lines.every((line) => line.length <= width))
        assert.strictEqual(withoutBlanks(lines.join("")), withoutBlanks(text))
      })
    )
  })

  it("keeps a number and its unit together where it can", () => {
    assert.deepStrictEqual(wrap("after 12 ms", 9), ["after", "12 ms"])
  })

  it("breaks a long name at its seams", () => {
    assert.deepStrictEqual(wrap("aws-0-eu-central-1.pooler.supabase.com:5432", 20), [
      "aws-0-eu-central-1.",
      "pooler.supabase.com:",
      "5432"
    ])
  })

  it("is one empty line when there is none", () => {
    assert.deepStrictEqual(wrap("", 10), [""])
  })
})
