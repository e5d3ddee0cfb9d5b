/** Prints the result of a check: title, table, notes, failed rules and next steps. */
import type { Columns } from "../../services/inspect/checks/Column.ts"
import type { Inspection } from "../../services/inspect/Inspector.ts"
import { tableOf } from "../terminal/Table.ts"
import { cellText, tableColumns } from "./Cells.ts"
import { wrap } from "../terminal/Wrap.ts"

const STEP = "  - "

const serverLine = ({ server, tookMillis }: Inspection): string =>
  `${server.database} at ${server.host}:${server.port} as ${server.role}, PostgreSQL ${server.version}, ${tookMillis} ms`

/** The lines, at most `width` wide if given, except the next steps, whose commands are to be copied. */
export const inspectionLines = (
  found: Inspection,
  columns: Columns,
  width: number | undefined
): ReadonlyArray<string> => {
  const table = tableOf(
    tableColumns(columns),
    found.rows.map((row) => Object.entries(columns).map(([name, { kind }]) => cellText(row[name] ?? null, kind))),
    width
  )
  const lines = (text: string) => wrap(text, width)
  const failed = found.rules.filter(({ outcome }) => outcome === "fail")
  return [
    ...lines(`${found.title}.`),
    ...lines(serverLine(found)),
    "",
    ...(found.reason === null ? [] : lines(found.reason)),
    ...(found.rows.length > 0 ? table.lines : []),
    ...(found.empty === null ? [] : lines(found.empty)),
    ...(found.isTruncated
      ? lines(`There are more rows: raise the limit, for instance with --limit ${found.rows.length * 2}.`)
      : []),
    ...(table.missing.length > 0 && found.rows.length > 0
      ? lines(`Omitted columns: ${table.missing.join(", ")}. A wider terminal, a pipe or --json shows them.`)
      : []),
    ...(found.unseen.length > 0 ? ["", ...found.unseen.flatMap(lines)] : []),
    ...(failed.length > 0
      ? ["", ...failed.flatMap(({ detail, text }) => lines(`Failed rule: ${text}. ${detail}`))]
      : []),
    ...(found.nextSteps.length > 0 ? ["", "Next steps:", ...found.nextSteps.map((step) => STEP + step)] : [])
  ]
}
