/** One check as a person reads it: what it is, the table, what it means, what to do next. */
import type { Columns } from "../../services/inspect/checks/Column.ts"
import type { Inspection } from "../../services/inspect/Inspector.ts"
import { tableOf } from "../terminal/Table.ts"
import { cellText, tableColumns } from "./Cells.ts"
import { wrap } from "../terminal/Wrap.ts"

const STEP = "  - "

/** Where and how long. */
const whereabouts = ({ server, tookMillis }: Inspection): string =>
  `${server.database} at ${server.host}:${server.port} as ${server.role}, PostgreSQL ${server.version}, ${tookMillis} ms`

/** The lines; none wider than `width`, where there is one, but the next steps: their commands are to be copied. */
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
  const say = (text: string) => wrap(text, width)
  const broken = found.rules.filter(({ outcome }) => outcome === "fail")
  return [
    ...say(`${found.title}.`),
    ...say(whereabouts(found)),
    "",
    ...(found.reason === null ? [] : say(found.reason)),
    ...(found.rows.length > 0 ? table.lines : []),
    ...(found.empty === null ? [] : say(found.empty)),
    ...(found.isTruncated ? say(`There are more: --limit ${found.rows.length * 2} shows more of them.`) : []),
    ...(table.missing.length > 0 && found.rows.length > 0
      ? say(`Not shown for want of room: ${table.missing.join(", ")}. A wider terminal, a pipe or --json has them.`)
      : []),
    ...(found.unseen.length > 0 ? ["", ...found.unseen.flatMap(say)] : []),
    ...(broken.length > 0
      ? ["", ...broken.flatMap(({ detail, text }) => say(`Should be so, and is not: ${text}. ${detail}`))]
      : []),
    ...(found.nextSteps.length > 0 ? ["", "Next:", ...found.nextSteps.map((step) => STEP + step)] : [])
  ]
}
