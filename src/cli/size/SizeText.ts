/** Prints the pool size, its reasons and the variables to set. */
import type { SizeReport } from "../../services/inspect/sizing/SizeReport.ts"
import { wrap } from "../terminal/Wrap.ts"

const STEP = "  - "

const item = (text: string, width: number | undefined): ReadonlyArray<string> =>
  wrap(text, width === undefined ? undefined : width - STEP.length).map(
    (line, at) => (at === 0 ? STEP : " ".repeat(STEP.length)) + line
  )

const part = (title: string, texts: ReadonlyArray<string>, width: number | undefined): ReadonlyArray<string> =>
  texts.length === 0 ? [] : ["", title, ...texts.flatMap((text) => item(text, width))]

/** The lines, at most `width` wide if given. */
export const sizeLines = (report: SizeReport, width: number | undefined): ReadonlyArray<string> => {
  const { environment, max, min, processes, reasoning, total, warnings } = report
  const each = processes === 1 ? "" : ` in each of ${processes} processes, ${total} in total`
  return [
    `A pool of ${min === max ? max : `${min} to ${max}`} sessions${each}.`,
    ...part("Reasons:", reasoning, width),
    ...part("Warnings:", warnings, width),
    "",
    "Variables:",
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  ]
}
