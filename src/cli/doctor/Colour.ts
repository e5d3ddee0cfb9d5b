/** Colour, where somebody looks at it and has nothing against it. */
import { styleText } from "node:util"
import type { CheckResult } from "../../services/doctor/Doctor.ts"

const STYLES = { pass: "green", info: "dim", warn: "yellow", fail: "red", skip: "dim" } as const

/** Paints the status of a result. */
export type Paint = (status: CheckResult["status"], text: string) => string

/** Leaves a text as it is. */
export const plain: Paint = (_status, text) => text

/** Green, yellow and red. */
export const coloured: Paint = (status, text) => styleText(STYLES[status], text, { validateStream: false })

/** Colour only on a terminal, and not where NO_COLOR is set to anything (no-color.org). */
export const paintFor = (isTerminal: boolean, noColor: string | undefined): Paint =>
  isTerminal && (noColor === undefined || noColor === "") ? coloured : plain
