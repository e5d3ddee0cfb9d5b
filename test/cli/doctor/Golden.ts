/** Compares reports with golden files after replacing times, ports and numbers. */
import { assert } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { plain } from "../../../src/cli/doctor/DoctorTable.ts"
import { reportLines } from "../../../src/cli/doctor/DoctorTable.ts"
import { type CheckResult, checkIdOf, checks, DoctorReport } from "../../../src/services/doctor/Doctor.ts"

/** `UPDATE_GOLDEN=1` writes the files; review the diff before the commit. */
const isUpdating = process.env["UPDATE_GOLDEN"] === "1"

const COLUMNS = 80

/** Replaces every measured time. */
const SOME_MILLIS = 1

const CHANGING: ReadonlyArray<readonly [RegExp, string]> = [
  [/(127\.0\.0\.\d|\[::1\]|[a-z0-9.-]+\.(?:test|com|co|…\w+)):\d{4,5}/g, "$1:PORT"],
  [/(nc -vz \S+) \d+/g, "$1 PORT"],
  [/port=\d+/g, "port=PORT"],
  [/\d+(?:\.\d+)? ms\b/g, "N ms"],
  [/\d+\.\d s\b/g, "N s"],
  [/backend \d+/g, "backend N"],
  [/PostgreSQL \d+\.\d+/g, "PostgreSQL N"],
  [/\d+ of \d+ usable connections are in use \(\d+ %\)/g, "N of N usable connections are in use (N %)"],
  [/\d{4}-\d\d-\d\d \(\d+ days?\)/g, "DATE (N days)"],
  [/(expired on|before) \d{4}-\d\d-\d\d/g, "$1 DATE"]
]

const steady = (text: string): string => CHANGING.reduce((changed, [pattern, to]) => changed.replace(pattern, to), text)

const steadyResult = (result: CheckResult): CheckResult => ({
  ...result,
  target: steady(result.target),
  ms: result.ms === null ? null : SOME_MILLIS,
  // Backends of earlier tests may still be open.
  details: result.component === "Holders" ? 'N ROLE "APPLICATION"' : steady(result.details),
  action:
    result.action === null
      ? null
      : { text: steady(result.action.text), commands: result.action.commands.map((command) => steady(command)) }
})

/** The table of a report with fixed times and numbers. */
const steadyTable = (report: DoctorReport): string =>
  `${reportLines({ ...report, results: report.results.map(steadyResult) }, COLUMNS, plain).join("\n")}\n`

const encode = Schema.encodeUnknownSync(DoctorReport)

/** Whether the documentation lacks the meaning of a result's status. */
const isUnexplained = ({ id, status }: CheckResult): boolean => {
  const check = checkIdOf(id)
  return check === undefined || (status !== "skip" && checks[check].statuses[status] === undefined)
}

/** Asserts that a report equals `golden/<name>.txt` and that its JSON follows the schema. */
export const assertGolden = (name: string, report: DoctorReport): void => {
  const text = steadyTable(report)
  const file = new URL(`golden/${name}.txt`, import.meta.url)
  assert.deepStrictEqual(encode(report), JSON.parse(JSON.stringify(report)))
  assert.deepStrictEqual(report.results.filter(isUnexplained), [])
  if (isUpdating) writeFileSync(file, text)
  assert.isTrue(existsSync(file), `no such file: golden/${name}.txt (UPDATE_GOLDEN=1 writes it)`)
  assert.strictEqual(text, readFileSync(file, "utf8"))
}

/** The status of a check's most severe result. */
export const statusOf = ({ results }: DoctorReport, id: string): string | undefined => {
  const statuses = new Set(results.filter((result) => result.id === id).map(({ status }) => status))
  return (["fail", "warn", "skip", "pass", "info"] as const).find((status) => statuses.has(status))
}
