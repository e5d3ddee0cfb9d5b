/** `--list-checks`: what each check does and depends on. */
import { type CheckId, checkIds, checks } from "../../services/doctor/checks/Checks.ts"
import { wrapText } from "../terminal/Wrap.ts"

const INDENT = " ".repeat(10)

const linesOf = (id: CheckId, columns: number): ReadonlyArray<string> => {
  const { does, needs } = checks[id]
  const after = needs.length === 0 ? "" : ` After: ${needs.join(", ")}.`
  return wrapText(`${does}${after}`, columns - INDENT.length).map(
    (line, at) => `${at === 0 ? id.padEnd(INDENT.length) : INDENT}${line}`
  )
}

/** The checks in the order they run. */
export const checkListLines = (columns: number): ReadonlyArray<string> => checkIds.flatMap((id) => linesOf(id, columns))

/** The same for a program. */
export const checkListJson = (): ReadonlyArray<object> => checkIds.map((id) => Object.assign({ id }, checks[id]))
