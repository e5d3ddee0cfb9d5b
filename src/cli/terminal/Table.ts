/** A plain table for a terminal or a pipe: aligned, and never wider than the terminal. */
import { cut, fill, fillLeft, widthOf } from "./PlainText.ts"

/** A column of a table. */
export interface TableColumn {
  readonly header: string
  readonly align: "left" | "right"
  /** Whether its cells may be cut to make room: prose may, numbers may not. */
  readonly isElastic: boolean
  /** Whether a narrow terminal may do without it. */
  readonly isExtra: boolean
}

/** A table in lines. */
export interface Table {
  readonly lines: ReadonlyArray<string>
  /** The headers of the columns for which there was no room. */
  readonly missing: ReadonlyArray<string>
}

const GAP = "  "

/** An elastic column with less than that says nothing any more: then an extra column goes instead. */
const ROOMY = 24

/** What an elastic column keeps when there is no extra column left to go. */
const TIGHT = 8

interface Measured extends TableColumn {
  readonly at: number
  readonly natural: number
}

const total = (widths: ReadonlyArray<number>): number =>
  widths.reduce((sum, width) => sum + width, 0) + GAP.length * Math.max(0, widths.length - 1)

const leastOf = (column: Measured, room: number): number =>
  column.isElastic ? Math.min(column.natural, room) : column.natural

/** The columns that fit with room for prose; the last extra one goes first. */
const chosen = (columns: ReadonlyArray<Measured>, width: number): ReadonlyArray<Measured> => {
  let kept = columns
  while (total(kept.map((column) => leastOf(column, ROOMY))) > width) {
    const last = kept.findLast(({ isExtra }) => isExtra)
    if (last === undefined) break
    kept = kept.filter((column) => column !== last)
  }
  return kept
}

/** Widths that fit: the widest elastic columns give way first. */
const fitted = (columns: ReadonlyArray<Measured>, width: number): ReadonlyArray<number> => {
  const widths = columns.map(({ natural }) => natural)
  for (let excess = total(widths) - width; excess > 0;) {
    const elastic = columns
      .map((column, at) => ({ at, width: widths[at] ?? 0, least: leastOf(column, TIGHT) }))
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
 * Lays out rows of plain texts. Without a width nothing is cut or left out; with one no line is wider.
 *
 * Extra columns go first, the last one first, then prose is cut, and at last the lines themselves.
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
