/** Runs all checks, writes their results to a directory and prints the summary. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Runtime from "effect/Runtime"
import { checks } from "../../services/inspect/checks/AllChecks.ts"
import { type InspectionReport, reportOf, countOutcomes } from "../../services/inspect/checks/InspectionReport.ts"
import { checkIds, type Inspection, type RuleResult } from "../../services/inspect/Inspector.ts"
import { EXIT_FAILURE } from "../ExitCode.ts"
import { safeJson, wrap, terminalWidth } from "../terminal/PlainText.ts"
import { csvOf } from "./Cells.ts"
import { AlreadyPrinted, type InspectFlags, describeServer, inspect, print } from "./ShowInspection.ts"
import { tableOf } from "../terminal/Table.ts"
import { counted } from "../../services/errors/Wording.ts"

const marks: { readonly [O in RuleResult["outcome"]]: string } = { fail: "FAIL", unknown: "----", pass: "PASS" }

const order: ReadonlyArray<RuleResult["outcome"]> = ["fail", "unknown", "pass"]

const columns = [
  { header: "RULE", align: "left", isElastic: false, isExtra: false },
  { header: "CHECK", align: "left", isElastic: false, isExtra: false },
  { header: "EXPECTED", align: "left", isElastic: true, isExtra: false },
  { header: "FOUND", align: "left", isElastic: true, isExtra: false }
] as const

const verdict = ({ checks }: InspectionReport): string => {
  const { fail, failedChecks, pass, unknown } = countOutcomes(checks)
  const rest = unknown === 0 ? "" : `, ${unknown} unknown`
  const failed = failedChecks === 0 ? "" : ` ${counted(failedChecks, "check")} failed.`
  return fail === 0
    ? `No rule failed: ${pass} passed${rest}.${failed}`
    : `${fail} of ${counted(fail + pass + unknown, "rule")} failed${rest}.${failed}`
}

const steps = (check: Inspection): ReadonlyArray<string> =>
  check.status === "failed" || check.rules.some(({ outcome }) => outcome === "fail")
    ? [
        "",
        `${check.check}${check.status === "failed" ? `: ${check.reason ?? ""}` : ""}`,
        ...check.nextSteps.map((step) => `  - ${step}`)
      ]
    : []

/**
 * Every rule with its outcome, failed rules first, and the next steps of failed checks. At most `width` wide if given,
 * except the next steps, whose commands are to be copied.
 */
const reportLines = (report: InspectionReport, width: number | undefined): ReadonlyArray<string> => {
  const [first] = report.checks
  const rules = report.checks
    .flatMap(({ check, rules }) => rules.map((rule) => ({ check, ...rule })))
    .toSorted((one, other) => order.indexOf(one.outcome) - order.indexOf(other.outcome))
  return [
    ...(first === undefined ? [] : wrap(`${describeServer(first)}, ${report.at}`, width)),
    "",
    ...tableOf(
      columns,
      rules.map(({ check, detail, outcome, text }) => [marks[outcome], check, text, detail]),
      width
    ).lines,
    ...report.checks.flatMap(steps),
    "",
    ...wrap(verdict(report), width)
  ]
}

/** Rows of each CSV file. */
const REPORT_LIMIT = 1000

export interface ReportFlags extends InspectFlags {
  readonly outputDir: Option.Option<string>
}

/** The files could not be written; the program exits with 1. */
class NotWritten extends Data.TaggedError("NotWritten")<{ readonly message: string }> {
  override readonly [Runtime.errorExitCode] = EXIT_FAILURE
}

const notWritten = (directory: string) => (error: PlatformError) =>
  new NotWritten({
    message: `The report could not be written to ${directory} (${error.reason._tag}). Choose another directory with --output-dir.`
  })

/** A name that sorts by time and is valid on every file system. */
const nameOf = ({ at }: InspectionReport): string => `effect-supavisor-report-${at.replaceAll(/[:.]/g, "-")}`

const write = Effect.fnUntraced(function* (report: InspectionReport, directory: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const writeText = (name: string, text: string) => files.writeFileString(path.join(directory, name), text)
  yield* files.makeDirectory(directory, { recursive: true })
  yield* Effect.forEach(report.checks, (found) => {
    const check = checks.find(({ id }) => id === found.check)
    return check === undefined ? Effect.void : writeText(`${found.check}.csv`, csvOf(check.columns, found.rows))
  })
  yield* writeText("report.json", `${safeJson(report)}\n`)
  yield* writeText("summary.txt", `${reportLines(report, undefined).join("\n")}\n`)
})

/** `inspect report`: fails as the inspector does, with `NotWritten`, or with `AlreadyPrinted` when a rule or check failed. */
export const showReport = Effect.fnUntraced(function* (flags: ReportFlags) {
  const report = reportOf(yield* inspect(checkIds, flags, REPORT_LIMIT))
  const path = yield* Path.Path
  const directory = path.resolve(Option.getOrElse(flags.outputDir, () => nameOf(report)))
  yield* Effect.mapError(write(report, directory), notWritten(directory))
  const lines = flags.json
    ? [safeJson(report)]
    : [
        ...reportLines(report, yield* terminalWidth),
        `Written to ${directory}: summary.txt, report.json and a CSV file for each check.`
      ]
  yield* print(lines.join("\n"))
  if (!report.isPassed) return yield* new AlreadyPrinted()
})
