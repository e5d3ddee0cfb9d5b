import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  LONGEST_STATEMENT,
  safeStatement,
  safeText,
  withoutLiterals
} from "../../../../src/services/inspect/checks/SafeText.ts"
import { processorTime } from "../../../Timing.ts"

const secret = fc.stringMatching(/^[A-Za-z0-9]{6,20}$/).map((text) => `Zz${text}zZ`)

/** Forms of a text literal in SQL. */
const literals: ReadonlyArray<(text: string) => string> = [
  (text) => `'${text}'`,
  (text) => `'it''s ${text}'`,
  (text) => `'"${text}'`,
  (text) => `E'\\'${text}'`,
  (text) => `e'\\\\${text}'`,
  (text) => `N'${text}'`,
  (text) => `U&'${text}'`,
  (text) => `$$${text}$$`,
  (text) => `$tag$ ' ${text} $$ $tag$`,
  (text) => `'-- ${text}'`,
  (text) => `'/* ${text}'`
]

/** Characters with and without a meaning in SQL or to a terminal. */
const piece = fc.constantFrom(
  "'",
  '"',
  "$",
  "$a$",
  "--",
  "/*",
  "*/",
  "\\",
  "E'",
  "a",
  " ",
  "\n",
  "\u001b[2J",
  "\u0085",
  "\u202e",
  "\u2028",
  "日",
  "👩‍👩‍👧"
)

describe("A safe statement", () => {
  it("removes text literals in every form, and keeps the rest", () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(...literals), (text, literal) => {
        const shown = withoutLiterals(
          `alter role "a'b" /* it's */ password ${literal(text)} valid until now() -- isn't`
        )
        assert.notInclude(shown, text)
        assert.strictEqual(shown, `alter role "a'b" /* it's */ password '?' valid until now() -- isn't`)
      })
    )
  })

  it("removes literals that the server truncated", () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(...literals), fc.nat(), (text, literal, at) => {
        const written = `select ${literal(text)}`
        const cut = written.slice(0, "select ".length + 1 + (at % (written.length - "select ".length)))
        for (let length = 3; length <= text.length; length++) {
          const part = text.slice(0, length)
          if (cut.includes(part)) assert.notInclude(withoutLiterals(cut), part)
        }
      })
    )
  })

  it("keeps parameters, names with dollars and numbers", () => {
    const sql = `select $1, a$b$c, "x$$y" from t where n = 5 and e = 'x' and type'y' > 1`
    assert.strictEqual(withoutLiterals(sql), `select $1, a$b$c, "x$$y" from t where n = 5 and e = '?' and type'?' > 1`)
  })

  it("is one line of limited length for any input", () => {
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 400 }), (pieces, times) => {
        const text = pieces.join("").repeat(times)
        const shown = safeStatement(text, [])
        assert.isAtMost(Array.from(shown).length, LONGEST_STATEMENT)
        assert.notMatch(shown, /[\p{Cc}\u202e\u2028]/u)
      })
    )
  })

  it("takes linear time: a hundred thousand quotes are fast", () => {
    for (const piece of ["'", '"', "$a$", "/*", "e'\\", "--", "$"]) {
      const millis = processorTime(() => {
        withoutLiterals(piece.repeat(100_000))
      })
      assert.isBelow(millis, 2000, piece)
    }
  })
})

describe("A safe text", () => {
  it("contains no control character and no secret", () => {
    assert.strictEqual(safeText("\u001b[2Jworker\r\nhunter2x", ["hunter2x"]), "[2Jworker *****")
    assert.strictEqual(safeText("postgresql://postgres:abc%21def@host/db", []), "postgresql://postgres:*****@host/db")
  })
})
