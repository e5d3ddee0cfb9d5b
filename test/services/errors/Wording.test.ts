import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  counted,
  firstFew,
  listed,
  sentence,
  wordBytes,
  wordMillis,
  wordShare
} from "../../../src/services/errors/Wording.ts"

describe("Wording", () => {
  it("writes a duration in its two largest units", () => {
    const spans = [0, 0.4, 850, 999.6, 1000, 4250, 9960, 59_499, 60_000, 200_000, 3_599_999, 3_600_000, 190_000_000]
    assert.deepStrictEqual(spans.map(wordMillis), [
      "0 ms",
      "0.40 ms",
      "850 ms",
      "1.0 s",
      "1.0 s",
      "4.3 s",
      "10.0 s",
      "59 s",
      "1m 00s",
      "3m 20s",
      "1h 00m",
      "1h 00m",
      "2d 04h"
    ])
  })

  it("writes a size in binary units, and never 1024 of a unit", () => {
    const sizes = [
      0,
      512,
      1023,
      1024,
      8192,
      1536,
      10_240,
      1_048_575,
      1_048_576,
      24_100_864,
      88_080_384,
      1.5 * 1024 ** 3
    ]
    assert.deepStrictEqual(sizes.map(wordBytes), [
      "0 B",
      "512 B",
      "1023 B",
      "1 KiB",
      "8 KiB",
      "1.5 KiB",
      "10 KiB",
      "1 MiB",
      "1 MiB",
      "23 MiB",
      "84 MiB",
      "1.5 GiB"
    ])
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 59, noNaN: true }), (bytes) => {
        assert.isBelow(Number.parseFloat(wordBytes(bytes)), 1024 + 1)
        assert.notMatch(wordBytes(bytes), /^1024 /)
      })
    )
  })

  it("writes shares in percent", () => {
    assert.deepStrictEqual([0, 0.9401, 1].map(wordShare), ["0 %", "94 %", "100 %"])
  })

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
