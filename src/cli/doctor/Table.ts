/** The table: one result after the other, as they come, within a width that is known from the start. */
import type { CheckResult, DoctorReport } from "../../services/doctor/Doctor.ts"
import { fill, fillLeft } from "../terminal/PlainText.ts"
import type { Paint } from "./Colour.ts"
import { wrap } from "../terminal/Wrap.ts"
import { MILLIS_PER_SECOND } from "../../services/errors/Units.ts"

const GAP = "  "

/** The widest component, "Connections". */
const COMPONENT = 11
/** The widest status is the header itself. */
const STATUS = 6
/** `9999 ms` and `99.9 s`. */
const TIME = 7

/** A target is an address: below this it is broken too often to be read, above that the room is better used. */
const TARGET = { least: 19, most: 45 }

/** Narrower terminals are not served: lines are then wider than they are. */
const LEAST_WIDTH = 64

/** Wider lines are hard to read. */
const MOST_WIDTH = 160

/** The share of a wide line that the target gets. */
const TARGET_SHARE = 0.24

/** Widths of the two columns that give way. */
interface Widths {
  readonly target: number
  readonly details: number
}

const widthsFor = (columns: number): Widths => {
  const total = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns))
  const target = Math.min(TARGET.most, Math.max(TARGET.least, Math.floor(total * TARGET_SHARE)))
  return { target, details: total - COMPONENT - target - STATUS - TIME - 4 * GAP.length }
}

const wordTime = (millis: number | null): string => {
  if (millis === null) return ""
  return millis >= MILLIS_PER_SECOND ? `${(millis / MILLIS_PER_SECOND).toFixed(1)} s` : `${Math.round(millis)} ms`
}

const row = (cells: readonly [string, string, string, string, string], { target }: Widths): string =>
  [
    fill(cells[0], COMPONENT),
    fill(cells[1], target),
    // The status may be painted, so its width is not that of its text.
    cells[2],
    fillLeft(cells[3], TIME),
    cells[4]
  ]
    .join(GAP)
    .trimEnd()

/** The line above the results. */
export const headerLine = (columns: number): string =>
  row(["COMPONENT", "TARGET", fill("STATUS", STATUS), "TIME", "DETAILS"], widthsFor(columns))

/** One result in as many lines as its texts take. */
export const resultLines = (result: CheckResult, columns: number, paint: Paint): ReadonlyArray<string> => {
  const widths = widthsFor(columns)
  const targets = wrap(result.target, widths.target)
  const details = wrap(result.details, widths.details)
  const count = Math.max(targets.length, details.length)
  return Array.from({ length: count }, (_, at) => {
    const isFirst = at === 0
    const status = isFirst ? paint(result.status, fill(result.status.toUpperCase(), STATUS)) : " ".repeat(STATUS)
    return row(
      [
        isFirst ? result.component : "",
        targets[at] ?? "",
        status,
        isFirst ? wordTime(result.ms) : "",
        details[at] ?? ""
      ],
      widths
    )
  })
}

const LABELS = { fail: "ERROR:", warn: "WARNING:" } as const

const INDENT = "  "

/** What to do about one result: a sentence, and commands that are never broken, so that they can be copied. */
const actionLines = (result: CheckResult, columns: number, paint: Paint): ReadonlyArray<string> => {
  if (result.action === null || (result.status !== "fail" && result.status !== "warn")) return []
  const label = LABELS[result.status]
  const [first = "", ...more] = wrap(`${label} ${result.component}: ${result.action.text}`, columns - INDENT.length)
  return [
    paint(result.status, label) + first.slice(label.length),
    ...more.map((line) => INDENT + line),
    ...result.action.commands.map((command) => `${INDENT}$ ${command}`)
  ]
}

const SUMMARY_OF = { healthy: "pass", warnings: "warn", failed: "fail", invalid: "fail" } as const

/** The actions, failures first, and the verdict. */
export const closingLines = (
  { results, verdict }: DoctorReport,
  columns: number,
  paint: Paint
): ReadonlyArray<string> => {
  const width = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns))
  const failures = results.filter(({ status }) => status === "fail")
  const warnings = results.filter(({ status }) => status === "warn")
  const actions = [...failures, ...warnings].flatMap((result) => actionLines(result, width, paint))
  const [first = "", ...more] = wrap(`SUMMARY: ${verdict.text}`, width - INDENT.length)
  const label = "SUMMARY:"
  return [
    ...(actions.length === 0 ? [] : ["", ...actions]),
    "",
    paint(SUMMARY_OF[verdict.status], label) + first.slice(label.length),
    ...more.map((line) => INDENT + line)
  ]
}

/** A whole report. */
export const reportLines = (report: DoctorReport, columns: number, paint: Paint): ReadonlyArray<string> => [
  headerLine(columns),
  ...report.results.flatMap((result) => resultLines(result, columns, paint)),
  ...closingLines(report, columns, paint)
]
