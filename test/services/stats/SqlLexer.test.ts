import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type Token, tokensOf } from "../../../src/services/stats/SqlLexer.ts"
import { processorTime } from "../../Timing.ts"

const shown = (sql: string): string => (tokensOf(sql) ?? []).map(({ kind, text }) => `${kind}:${text}`).join(" ")

/** Source of one token, with its kind and text. */
const tokens = fc.constantFrom<readonly [string, Token["kind"], string]>(
  ["select", "word", "select"],
  ["SeLect", "word", "select"],
  ["größe", "word", "größe"],
  ["ÄB", "word", "Äb"],
  ["a$1", "word", "a$1"],
  ['"a ""b"" --c"', "quoted", 'a "b" --c'],
  ['"/*"', "quoted", "/*"],
  ['U&"d\\0061"', "quoted", 'U&"d\\0061"'],
  ["'it''s -- no comment'", "string", "'it''s -- no comment'"],
  ["'\\'", "string", "'\\'"],
  ["E'it\\'s /*'", "string", "E'it\\'s /*'"],
  ["e'\\\\'", "string", "e'\\\\'"],
  ["U&'\\0027'", "string", "U&'\\0027'"],
  ["'a'\n -- b'\n 'c'", "string", "'a'\n -- b'\n 'c'"],
  ["E'a'\n'b\\'c'", "string", "E'a'\n'b\\'c'"],
  ["$$ 'a' $x$ $$", "string", "$$ 'a' $x$ $$"],
  ["$x$ $$ ; $x$", "string", "$x$ $$ ; $x$"],
  ["$12", "parameter", "$12"],
  ["1.5e-3", "number", "1.5e-3"],
  [".5", "number", ".5"],
  ["1_000", "number", "1_000"],
  ["0xfF", "number", "0xfF"],
  ["(", "symbol", "("],
  [";", "symbol", ";"],
  ["*", "symbol", "*"]
)

const blanks = fc
  .array(fc.constantFrom(" ", "\t", "-- it's\n", "--\n", "/**/", "/* a /* b */ ' */", '/* " -- */'), { maxLength: 3 })
  .map((parts) => `${parts.join("")} `)

describe("tokensOf", () => {
  it("finds the same tokens whatever blanks and comments are between them", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(blanks, tokens), { maxLength: 8 }), blanks, (parts, last) => {
        // Strings without anything but a line break between them would be one.
        const sql = parts.map(([blank, [source]]) => `${blank}${source},`).join("") + last
        assert.deepStrictEqual(
          tokensOf(sql)?.map(({ kind, text }) => [kind, text]),
          parts.flatMap(([, [, kind, text]]) => [
            [kind, text],
            ["symbol", ","]
          ])
        )
      })
    )
  })

  it("covers any text: its tokens are in order, and only blanks and comments are left out", () => {
    const piece = fc.constantFrom("'", '"', "$", "$$", "/*", "*/", "--", "\n", "\\", "E", "u&", "a", "1", ".", " ", "é")
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const sql = pieces.join("")
        let at = 0
        for (const { end, start } of tokensOf(sql) ?? []) {
          assert.isTrue(start >= at && end > start)
          const between = sql.slice(at, start)
          if (!between.includes("/*")) assert.match(between, /^(\s|--[^\n\r]*)*$/)
          at = end
        }
        assert.isAtMost(at, sql.length)
      })
    )
  })

  it("gives nothing for a comment or a quote that is not closed", () => {
    for (const sql of ["select 'a", 'select "a', "/* a /* b */", "$$ a", "$x$ $$ $y$", "E'a\\'", 'U&"a']) {
      assert.isUndefined(tokensOf(sql), sql)
    }
  })

  it("takes a comment inside an operator for a comment, as the server does", () => {
    assert.strictEqual(shown("1 +/* f( */ 2"), "number:1 symbol:+ number:2")
    assert.strictEqual(shown("1 +-- f(\n 2"), "number:1 symbol:+ number:2")
  })

  it("folds ASCII letters only, so that no other letter becomes one of them", () => {
    assert.strictEqual(shown("\u212Aey"), "word:\u212Aey")
  })

  it("takes linear time for hostile texts", () => {
    const millis = processorTime(() => {
      for (const evil of [
        `'a'${" -- ".repeat(20_000)}`,
        `'a'${"\n--".repeat(20_000)}`,
        "/*".repeat(50_000),
        "''".repeat(50_000),
        `E'${"\\'".repeat(50_000)}`,
        "$a".repeat(20_000),
        "'a'\n".repeat(20_000)
      ]) {
        tokensOf(evil)
      }
    })
    assert.isBelow(millis, 1000)
  })
})
