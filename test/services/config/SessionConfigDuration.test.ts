import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import fc from "fast-check"
import { formatDuration, parseDuration } from "../../../src/services/config/SessionConfig.ts"

const millisOf = (text: string): number => Duration.toMillis(Result.getOrThrow(parseDuration(text)))

const refusalOf = (text: string): { readonly expected: string; readonly remedy?: string } =>
  Result.getOrThrow(Result.flip(parseDuration(text)))

describe("parseDuration", () => {
  it("reads every documented spelling", () => {
    const spellings: ReadonlyArray<readonly [string, number]> = [
      ["300", 300_000],
      ["0", 0],
      ["1.5", 1_500],
      ["300s", 300_000],
      ["300 s", 300_000],
      ["5m", 300_000],
      ["5 min", 300_000],
      ["300000ms", 300_000],
      ["5 minutes", 300_000],
      ["1 minute", 60_000],
      ["1h", 3_600_000],
      ["2 hours", 7_200_000],
      ["2 Hours", 7_200_000],
      ["1.5s", 1_500],
      ["0.1h", 360_000],
      ["1 day", 86_400_000],
      ["500 millis", 500],
      ["1h 30m", 5_400_000],
      ["1h30m", 5_400_000],
      ["PT5M", 300_000],
      ["pt1.5s", 1_500],
      ["P1DT1H", 90_000_000],
      ["  5m\n", 300_000]
    ]
    for (const [text, millis] of spellings) assert.strictEqual(millisOf(text), millis, text)
  })

  it("refuses a bare number from 10000 on as milliseconds and names both meanings", () => {
    assert.strictEqual(millisOf("9999"), 9_999_000)
    for (const text of ["10000", "10000.5", "300000"]) {
      assert.include(refusalOf(text).expected, "looks like milliseconds")
    }
    assert.strictEqual(refusalOf("300000").remedy, "Write 5m or 300000ms, or 300000s if seconds are meant")
    assert.strictEqual(millisOf("10000s"), 10_000_000)
  })

  it("refuses negative, unbounded and meaningless values with the reason", () => {
    for (const text of ["-5", "-5s", "- 5 minutes", "-PT5M", "PT-5M"]) {
      assert.include(refusalOf(text).expected, "not negative", text)
    }
    for (const text of ["Infinity", "infinite", "-Infinity", "inf"]) {
      assert.include(refusalOf(text).expected, "bounded", text)
    }
    for (const text of [
      "NaN",
      "",
      "s",
      "5 5",
      "1e3",
      "5,5s",
      "five minutes",
      "P",
      "PT",
      "1__0s",
      "0x10",
      "9".repeat(200)
    ]) {
      assert.isTrue(Result.isFailure(parseDuration(text)), text)
    }
  })

  it("names an unknown unit", () => {
    assert.include(refusalOf("5 fortnights").remedy ?? "", '"fortnights"')
    assert.include(refusalOf("1 month").remedy ?? "", '"month"')
  })

  it("reads back what formatDuration writes, to the nanosecond", () => {
    const durations = fc.oneof(
      fc.nat().map((seconds) => Duration.seconds(seconds)),
      fc.nat().map((millis) => Duration.millis(millis)),
      fc.bigInt({ min: 0n, max: 10n ** 20n }).map((nanos) => Duration.nanos(nanos))
    )
    fc.assert(
      fc.property(durations, (duration) => {
        const back = Result.getOrThrow(parseDuration(formatDuration(duration)))
        assert.isTrue(Duration.equals(back, duration), formatDuration(duration))
      })
    )
  })

  it("reads back what Effect writes, plainly and as ISO 8601", () => {
    fc.assert(
      fc.property(fc.nat().map(Duration.millis), (duration) => {
        const plain = Duration.format(duration)
        const iso = Option.getOrThrow(Duration.formatIso(duration))
        assert.isTrue(Duration.equals(Result.getOrThrow(parseDuration(plain)), duration), plain)
        assert.isTrue(Duration.equals(Result.getOrThrow(parseDuration(iso)), duration), iso)
      })
    )
  })

  it("reads a number the same in seconds, milliseconds and as a bare number", () => {
    fc.assert(
      fc.property(fc.nat({ max: 9_999 }), (seconds) => {
        assert.strictEqual(millisOf(String(seconds)), seconds * 1_000)
        assert.strictEqual(millisOf(`${seconds}s`), millisOf(`${seconds * 1_000}ms`))
      })
    )
  })

  it("reads every text without throwing, and never as a negative or unbounded duration", () => {
    const near = fc.stringMatching(/^[-+ 0-9.PTdhmsinute]{0,20}$/)
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const result = parseDuration(text)
        if (Result.isSuccess(result)) {
          assert.isFalse(Duration.isNegative(result.success))
          assert.isTrue(Duration.isFinite(result.success))
        }
      })
    )
  })
})

describe("formatDuration", () => {
  it("uses the largest unit that divides the duration", () => {
    assert.strictEqual(formatDuration(Duration.minutes(30)), "30m")
    assert.strictEqual(formatDuration(Duration.seconds(90)), "90s")
    assert.strictEqual(formatDuration(Duration.millis(1_500)), "1500ms")
    assert.strictEqual(formatDuration(Duration.days(1)), "24h")
    assert.strictEqual(formatDuration(Duration.zero), "0s")
  })
})
