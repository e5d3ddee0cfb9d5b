import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { coloured, paintFor, plain } from "../../../src/cli/doctor/DoctorTable.ts"
import { checkListLines } from "../../../src/cli/doctor/RunDoctor.ts"
import { closingLines, headerLine, reportLines, resultLines } from "../../../src/cli/doctor/DoctorTable.ts"
import { type CheckResult, checkIds, type DoctorReport } from "../../../src/services/doctor/Doctor.ts"

/** The width of a narrow terminal; below it lines are wider than the terminal. */
const NARROWEST = 64

const result = (fields: Partial<CheckResult>): CheckResult => ({
  id: "tcp",
  component: "TCP",
  target: "127.0.0.1:5432",
  status: "pass",
  ms: 3,
  details: "3/3",
  action: null,
  ...fields
})

const report = (results: ReadonlyArray<CheckResult>): DoctorReport => ({
  version: 1,
  startedAt: "2026-01-01T00:00:00.000Z",
  ms: 5,
  verdict: { status: "failed", text: "1 failure: TCP.", failures: 1, warnings: 0 },
  results
})

describe("the doctor's table", () => {
  it("is never wider than the terminal, whatever it shows", () => {
    const texts = fc.string({ unit: fc.constantFrom(..."ab -_./…世"), maxLength: 200 })
    fc.assert(
      fc.property(texts, texts, fc.integer({ min: NARROWEST, max: 250 }), (target, details, columns) => {
        const lines = resultLines(result({ target, details }), columns, plain)
        assert.isTrue(lines.every((line) => Array.from(line).length <= columns))
        assert.isAtMost(headerLine(columns).length, columns)
      })
    )
  })

  it("writes times from milliseconds to minutes in seven columns", () => {
    const times = [0, 12.4, 999, 1000, 59_900, 600_000].map((ms) =>
      resultLines(result({ ms }), 80, plain)[0]?.slice(42, 49)
    )
    assert.deepStrictEqual(times, ["   0 ms", "  12 ms", " 999 ms", "  1.0 s", " 59.9 s", "600.0 s"])
  })

  it("lists failures before warnings, and does not wrap commands", () => {
    const command = `echo ${"x".repeat(120)}`
    const lines = closingLines(
      report([
        result({ status: "warn", component: "TLS", action: { text: "Look.", commands: [] } }),
        result({ status: "fail", action: { text: "Act.", commands: [command] } })
      ]),
      80,
      plain
    )
    assert.deepStrictEqual(lines, [
      "",
      "ERROR: TCP: Act.",
      `  $ ${command}`,
      "WARNING: TLS: Look.",
      "",
      "SUMMARY: 1 failure: TCP."
    ])
  })

  it("shows no action when a check passed", () => {
    const lines = reportLines(report([result({ action: { text: "Nothing.", commands: [] } })]), 80, plain)
    assert.isFalse(lines.some((line) => line.includes("Nothing.")))
  })

  it("uses colour only on a terminal, and not with NO_COLOR", () => {
    assert.strictEqual(paintFor(false, undefined), plain)
    assert.strictEqual(paintFor(true, "1"), plain)
    assert.strictEqual(paintFor(true, ""), coloured)
    assert.strictEqual(paintFor(true, undefined), coloured)
    assert.include(resultLines(result({ status: "fail" }), 80, coloured).join(""), "\u001B[31mFAIL")
  })

  it("lists every check with what it does", () => {
    const lines = checkListLines(80)
    assert.deepStrictEqual(
      lines.flatMap((line) => /^(\w+) {2,}/.exec(line)?.[1] ?? []),
      [...checkIds]
    )
    assert.isTrue(lines.every((line) => line.length <= 80))
  })
})
