/** A table for a terminal or a pipe, never wider than the terminal. */
import { cut, fill, fillLeft, widthOf } from "./PlainText.ts"

export interface TableColumn {
  readonly header: string
  readonly align: "left" | "right"
  /** Whether its cells may be cut, for texts. */
  readonly isElastic: boolean
  /** Whether it is left out on a narrow terminal. */
  readonly isExtra: boolean
}

export interface Table {
  readonly lines: ReadonlyArray<string>
  /** The headers of the columns that were left out. */
  readonly missing: ReadonlyArray<string>
}

const GAP = "  "

/** Extra columns are left out before an elastic column gets narrower than this. */
const COMFORTABLE = 24

const NARROWEST = 8

interface Measured extends TableColumn {
  readonly at: number
  readonly natural: number
}

const total = (widths: ReadonlyArray<number>): number =>
  widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1)

const leastOf = (column: Measured, room: number): number =>
  column.isElastic ? Math.min(column.natural, room) : column.natural

/** The columns that fit; the last extra column is left out first. */
const chosen = (columns: ReadonlyArray<Measured>, width: number): ReadonlyArray<Measured> => {
  let kept = columns
  while (total(kept.map((column) => leastOf(column, COMFORTABLE))) > width) {
    const last = kept.findLast(({ isExtra }) => isExtra)
    if (last === undefined) break
    kept = kept.filter((column) => column !== last)
  }
  return kept
}

/** Widths that fit; the widest elastic columns are narrowed first. */
const fitted = (columns: ReadonlyArray<Measured>, width: number): ReadonlyArray<number> => {
  const widths = columns.map(({ natural }) => natural)
  for (let excess = total(widths) - width; excess > 0;) {
    const elastic = columns
      .map((column, at) => ({ at, width: widths[at] ?? 0, least: leastOf(column, NARROWEST) }))
      .filter((column) => column.width > column.least)
      .toSorted((one, other) => other.width - one.width)
    const [widest, next] = elastic
    if (widest === undefined) break
    const down = Math.max(1, widest.width - Math.max(widest.least, next?.width ?? 0))
    const given = Math.min(excess, down)
    widths[widest.at] = widest.width - given
    excess -= given
  }
  return widths
}

/**
 * Formats rows of plain texts. Without a width nothing is cut or left out; with one no line is wider: extra columns are
 * left out, the last one first, then elastic columns are cut, and finally the lines.
 */
export const tableOf = (
  columns: ReadonlyArray<TableColumn>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  width: number | undefined
): Table => {
  const measured = columns.map((column, at) => ({
    ...column,
    at,
    natural: Math.max(widthOf(column.header), ...rows.map((row) => widthOf(row[at] ?? "")))
  }))
  const kept = width === undefined ? measured : chosen(measured, width)
  const widths = width === undefined ? kept.map(({ natural }) => natural) : fitted(kept, width)
  const line = (textOf: (column: Measured) => string): string => {
    const cells = kept.map((column, place) =>
      column.align === "right" ? fillLeft(textOf(column), widths[place] ?? 0) : fill(textOf(column), widths[place] ?? 0)
    )
    const text = cells.join(GAP).trimEnd()
    return width === undefined ? text : cut(text, width)
  }
  return {
    lines: [line(({ header }) => header), ...rows.map((row) => line(({ at }) => row[at] ?? ""))],
    missing: measured.filter((column) => !kept.includes(column)).map(({ header }) => header)
  }
}
