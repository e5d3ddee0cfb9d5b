/** The cells of a check's result, for the table and for CSV. */
import type { Cell, ColumnKind, Columns } from "../../services/inspect/checks/Column.ts"
import type { TableColumn } from "../terminal/Table.ts"
import { wordShare, wordBytes, wordMillis } from "../../services/errors/Wording.ts"

const NOTHING = "-"

const numeric: ReadonlySet<ColumnKind> = new Set(["count", "bytes", "millis", "share"])
const elastic: ReadonlySet<ColumnKind> = new Set(["name", "text", "statement"])

/** The header of a column: `blockingPid` is BLOCKING PID, `ageMillis` AGE, `isUnused` UNUSED. */
export const headerOf = (name: string): string =>
  name
    .replace(/Millis$/, "")
    .replace(/^is(?=[A-Z])/, "")
    .replace(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toUpperCase()

/** The table columns of a check. */
export const tableColumns = (columns: Columns): ReadonlyArray<TableColumn> =>
  Object.entries(columns).map(([name, { isExtra, kind }]) => ({
    header: headerOf(name),
    align: numeric.has(kind) ? "right" : "left",
    isElastic: elastic.has(kind),
    isExtra
  }))

/** The text of a cell, with its unit. */
export const cellText = (cell: Cell, kind: ColumnKind): string => {
  if (cell === null || cell === "") return NOTHING
  if (typeof cell === "boolean") return cell ? "yes" : "no"
  if (typeof cell === "string") return cell
  if (kind === "bytes") return wordBytes(cell)
  if (kind === "millis") return wordMillis(cell)
  return kind === "share" ? wordShare(cell) : String(cell)
}

/** A spreadsheet evaluates such a text as a formula (OWASP, CSV Injection). */
const FORMULA = /^[=+\-@\t\r]/

const csvCell = (cell: Cell): string => {
  if (cell === null) return ""
  if (typeof cell !== "string") return String(cell)
  const safe = FORMULA.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** Rows as CSV (RFC 4180), with the names and numbers of the JSON. */
export const csvOf = (columns: Columns, rows: ReadonlyArray<Readonly<Record<string, Cell>>>): string => {
  const names = Object.keys(columns)
  const lines = [names.join(","), ...rows.map((row) => names.map((name) => csvCell(row[name] ?? null)).join(","))]
  return lines.map((line) => `${line}\r\n`).join("")
}
