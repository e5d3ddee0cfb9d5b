/** Runs all checks, writes their results to a directory and prints the summary. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as Runtime from "effect/Runtime"
import { checks } from "../../services/inspect/checks/Checks.ts"
import { type InspectionReport, reportOf } from "../../services/inspect/checks/InspectionReport.ts"
import { checkIds, Inspector } from "../../services/inspect/Inspector.ts"
import { EXIT_FAILURE } from "../ExitCode.ts"
import { safeJson } from "../terminal/PlainText.ts"
import { csvOf } from "./Cells.ts"
import { print } from "./Print.ts"
import { reportLines } from "./ReportText.ts"
import { AlreadyPrinted, type InspectFlags, inspectorOf } from "./ShowInspection.ts"
import { terminalWidth } from "../terminal/TerminalWidth.ts"

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
export const showReport = (flags: ReportFlags) =>
  Effect.gen(function* () {
    const inspector = yield* Inspector
    const report = reportOf(
      yield* inspector.inspect(checkIds, {
        limit: Option.getOrElse(flags.limit, () => REPORT_LIMIT),
        timeout: Option.getOrUndefined(flags.timeout),
        longerThan: Option.getOrUndefined(flags.longerThan),
        poolerSize: Option.getOrUndefined(flags.poolerSize)
      })
    )
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
  }).pipe(Effect.provide(inspectorOf(flags)))
