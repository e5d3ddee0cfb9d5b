/** A table with aligned columns, for a terminal. */
import type { Column, TableRow, Spread, Table } from "./Result.ts"
import { BASELINE } from "./Roster.ts"

const thousands = /\B(?=(\d{3})+(?!\d))/g

/** Formats a number with this many decimals and spaces between thousands. */
export const figure = (value: number, digits: number): string => {
  const [whole = "", rest] = value.toFixed(digits).split(".")
  const spaced = whole.replace(thousands, " ")
  return rest === undefined ? spaced : `${spaced}.${rest}`
}

/** Further digits of a ratio are noise. */
const RATIO_DIGITS = 2

const spreadText = ({ max, min }: Spread, digits: number): string => `${figure(min, digits)}..${figure(max, digits)}`

interface Cell {
  readonly heading: string
  readonly text: (row: TableRow) => string
}

/** The cells of one column: the main column also shows its spread, compared columns their ratio to the baseline. */
const cellsOfColumn = ({ main, rounds, rows }: Table, { digits, isCompared, key, title }: Column): Array<Cell> => {
  const median = (spread: Spread | undefined, digits: number) => (spread ? figure(spread.median, digits) : "")
  const range = (spread: Spread | undefined, digits: number) => (spread ? spreadText(spread, digits) : "")
  const isMain = key === main
  const isSpread = rounds > 1
  const hasRatio = (isMain || isCompared === true) && rows.some(({ ratios }) => ratios[key] !== undefined)
  return [
    { heading: title, text: ({ values }) => median(values[key], digits) },
    ...(isMain && isSpread
      ? [{ heading: "min..max", text: ({ values }: TableRow) => range(values[key], digits) }]
      : []),
    ...(hasRatio
      ? [
          { heading: `of ${BASELINE}`, text: ({ ratios }: TableRow) => median(ratios[key], RATIO_DIGITS) },
          ...(isSpread
            ? [{ heading: "min..max", text: ({ ratios }: TableRow) => range(ratios[key], RATIO_DIGITS) }]
            : [])
        ]
      : [])
  ]
}

/** The table's cells, headings first. */
export const cellsOf = (table: Table): ReadonlyArray<ReadonlyArray<string>> => {
  const shown: ReadonlyArray<Cell> = [
    { heading: "contender", text: ({ title }) => title },
    ...table.columns.flatMap((column) => cellsOfColumn(table, column))
  ]
  return [shown.map(({ heading }) => heading), ...table.rows.map((row) => shown.map(({ text }) => text(row)))]
}

/** The title with the number of rounds. */
export const captionOf = ({ rounds, title }: Table): string =>
  `${title} (${rounds === 1 ? "one round" : `medians of ${rounds} rounds`})`

export const textTable = (table: Table): string => {
  const cells = cellsOf(table)
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const rows = cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd()
  )
  return [`${table.workload}: ${captionOf(table)}`, ...rows, ""].join("\n")
}
