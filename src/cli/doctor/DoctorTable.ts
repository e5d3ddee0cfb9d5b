/** The doctor's table, printed row by row, so its column widths do not depend on the rows. */
import { styleText } from "node:util"
import type { CheckResult, DoctorReport } from "../../services/doctor/Doctor.ts"
import { fill, fillLeft, wrap } from "../terminal/PlainText.ts"
import { MILLIS_PER_SECOND } from "../../services/errors/Units.ts"

const STYLES = { pass: "green", info: "dim", warn: "yellow", fail: "red", skip: "dim" } as const

/** Colours a text by the status of its result. */
export type Paint = (status: CheckResult["status"], text: string) => string

export const plain: Paint = (_status, text) => text

export const coloured: Paint = (status, text) => styleText(STYLES[status], text, { validateStream: false })

/** Colours on a terminal, unless NO_COLOR is set (no-color.org). */
export const paintFor = (isTerminal: boolean, noColor: string | undefined): Paint =>
  isTerminal && (noColor === undefined || noColor === "") ? coloured : plain

const GAP = "  "

/** The widest component, "Connections". */
const COMPONENT = 11
/** The widest status is the header itself. */
const STATUS = 6
/** `9999 ms` and `99.9 s`. */
const TIME = 7

/** Limits of the target column: addresses stay readable, and details keep the remaining width. */
const TARGET = { least: 19, most: 45 }

/** In a narrower terminal, lines are wider than the terminal. */
const LEAST_WIDTH = 64

/** Wider lines are hard to read. */
const MOST_WIDTH = 160

/** The share of a wide line that the target gets. */
const TARGET_SHARE = 0.24

const widthFor = (columns: number): number => Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns))

/** Widths of the two elastic columns. */
const widthsFor = (columns: number) => {
  const total = widthFor(columns)
  const target = Math.min(TARGET.most, Math.max(TARGET.least, Math.floor(total * TARGET_SHARE)))
  return { target, details: total - COMPONENT - target - STATUS - TIME - 4 * GAP.length }
}

const wordTime = (millis: number | null): string => {
  if (millis === null) return ""
  return millis >= MILLIS_PER_SECOND ? `${(millis / MILLIS_PER_SECOND).toFixed(1)} s` : `${Math.round(millis)} ms`
}

/** The status may contain colour codes, so it is padded before. */
const row = (component: string, target: string, status: string, time: string, details: string): string =>
  [fill(component, COMPONENT), target, status, fillLeft(time, TIME), details].join(GAP).trimEnd()

/** The header line. */
export const headerLine = (columns: number): string =>
  row("COMPONENT", fill("TARGET", widthsFor(columns).target), fill("STATUS", STATUS), "TIME", "DETAILS")

/** The lines of one result. */
export const resultLines = (result: CheckResult, columns: number, paint: Paint): ReadonlyArray<string> => {
  const widths = widthsFor(columns)
  const targets = wrap(result.target, widths.target)
  const details = wrap(result.details, widths.details)
  const count = Math.max(targets.length, details.length)
  return Array.from({ length: count }, (_, at) => {
    const isFirst = at === 0
    const status = isFirst ? paint(result.status, fill(result.status.toUpperCase(), STATUS)) : " ".repeat(STATUS)
    const target = fill(targets[at] ?? "", widths.target)
    return row(isFirst ? result.component : "", target, status, isFirst ? wordTime(result.ms) : "", details[at] ?? "")
  })
}

const LABELS = { fail: "ERROR:", warn: "WARNING:" } as const

const INDENT = "  "

/** A text with a coloured label, wrapped; its further lines are indented. */
const labelled = (label: string, text: string, width: number, paintLabel: (label: string) => string) => {
  const [first = "", ...more] = wrap(`${label} ${text}`, width - INDENT.length)
  return [paintLabel(label) + first.slice(label.length), ...more.map((line) => INDENT + line)]
}

/** The action of a result; commands are not wrapped, so that they can be copied. */
const actionLines = (result: CheckResult, columns: number, paint: Paint): ReadonlyArray<string> => {
  const { action, component, status } = result
  if (action === null || (status !== "fail" && status !== "warn")) return []
  return [
    ...labelled(LABELS[status], `${component}: ${action.text}`, columns, (label) => paint(status, label)),
    ...action.commands.map((command) => `${INDENT}$ ${command}`)
  ]
}

const SUMMARY_OF = { healthy: "pass", warnings: "warn", failed: "fail", invalid: "fail" } as const

/** The actions, those of failures first, and the verdict. */
export const closingLines = (
  { results, verdict }: DoctorReport,
  columns: number,
  paint: Paint
): ReadonlyArray<string> => {
  const width = widthFor(columns)
  const failures = results.filter(({ status }) => status === "fail")
  const warnings = results.filter(({ status }) => status === "warn")
  const actions = [...failures, ...warnings].flatMap((result) => actionLines(result, width, paint))
  return [
    ...(actions.length === 0 ? [] : ["", ...actions]),
    "",
    ...labelled("SUMMARY:", verdict.text, width, (label) => paint(SUMMARY_OF[verdict.status], label))
  ]
}

/** The whole report. */
export const reportLines = (report: DoctorReport, columns: number, paint: Paint): ReadonlyArray<string> => [
  headerLine(columns),
  ...report.results.flatMap((result) => resultLines(result, columns, paint)),
  ...closingLines(report, columns, paint)
]
