import { assert, describe, it } from "@effect/vitest"
import { counted, firstFew, listed, sentence } from "../../../src/services/errors/Wording.ts"

describe("Wording", () => {
  it("ends a sentence once", () => {
    assert.deepStrictEqual(["It failed", "It failed.", "Why?", ""].map(sentence), [
      "It failed.",
      "It failed.",
      "Why?",
      ""
    ])
  })

  it("counts in singular and plural", () => {
    assert.deepStrictEqual(
      [0, 1, 2].map((count) => counted(count, "session")),
      ["0 sessions", "1 session", "2 sessions"]
    )
    assert.strictEqual(counted(2, "index", "indexes"), "2 indexes")
  })

  it("joins a list with and before its last item", () => {
    assert.deepStrictEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listed), ["", "a", "a and b", "a, b and c"])
  })

  it("names the first few of a long list and counts the others", () => {
    assert.strictEqual(firstFew(["a", "b"]), "a, b")
    assert.strictEqual(firstFew(["a", "b", "c", "d", "e"]), "a, b, c and 2 more")
    assert.strictEqual(firstFew(["a", "b", "c"], "; ", 2), "a; b; and 1 more")
  })
})
