import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Format from "../../src/http/page/Format.js"
import { wordMillis } from "../../src/services/errors/Wording.ts"

describe("numbers of the page", () => {
  it("durations have the unit that fits", () => {
    const examples: ReadonlyArray<readonly [number | null, string]> = [
      [null, "–"],
      [0, "0 ms"],
      [0.417, "0.42 ms"],
      [4.25, "4.3 ms"],
      [420.4, "420 ms"],
      [999.6, "1.0 s"],
      [1234, "1.2 s"],
      [59_400, "59 s"],
      [59_600, "1m 00s"],
      [200_000, "3m 20s"],
      [3_600_000, "1h 00m"],
      [7_500_000, "2h 05m"],
      [273_600_000, "3d 04h"]
    ]
    assert.deepStrictEqual(
      examples.map(([millis]) => Format.duration(millis)),
      examples.map(([, text]) => text)
    )
  })

  it("durations have the format of the server's messages", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e10, noNaN: true }), (millis) => {
        assert.strictEqual(Format.duration(millis), wordMillis(millis))
      })
    )
  })

  it("a duration never has sixty seconds or minutes, and at most nine characters below a hundred days", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100 * 86_400_000, maxExcluded: true, noNaN: true }), (millis) => {
        const text = Format.duration(millis)
        assert.notMatch(text, /\b60[ ms]|\b1000 /)
        assert.isAtMost(text.length, 9)
      })
    )
  })

  it("a longer duration is never shown as a shorter one", () => {
    const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
    const readBack = (text: string): number =>
      Array.from(text.matchAll(/([\d.]+) ?(ms|s|m|h|d)/g)).reduce(
        (sum, [, value, unit]) => sum + Number(value) * factor[unit as keyof typeof factor],
        0
      )
    const duration = fc.double({ min: 0.01, max: 10 * 86_400_000, noNaN: true })
    fc.assert(
      fc.property(duration, duration, (one, other) => {
        const [shorter, longer] = [Math.min(one, other), Math.max(one, other)]
        assert.isAtMost(readBack(Format.duration(shorter)), readBack(Format.duration(longer)))
      })
    )
  })

  it("ages count whole seconds, so that they do not flicker", () => {
    assert.deepStrictEqual([0, 999, 1000, 59_999, 61_900, undefined].map(Format.age), [
      "0 s",
      "0 s",
      "1 s",
      "59 s",
      "1m 01s",
      "–"
    ])
  })

  it("bytes, shares and counts are short, with few digits", () => {
    assert.deepStrictEqual([0, 512, 1536, 100 * 1024 * 1024, 5.5 * 1024 ** 3].map(Format.bytes), [
      "0 B",
      "512 B",
      "1.5 KiB",
      "100 MiB",
      "5.5 GiB"
    ])
    assert.deepStrictEqual([0, 0.042, 0.5, 1].map(Format.percent), ["0 %", "4.2 %", "50 %", "100 %"])
    assert.deepStrictEqual([0, 999, 1000, 1_234_567].map(Format.count), [
      "0",
      "999",
      "1\u202f000",
      "1\u202f234\u202f567"
    ])
    assert.deepStrictEqual([Format.counted(1, "session"), Format.counted(3, "session")], ["1 session", "3 sessions"])
  })
})
