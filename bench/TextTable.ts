/** A table with aligned columns, for a terminal. */
import type { Column, Line, Spread, Table } from "./Result.ts"
import { FLOOR } from "./Roster.ts"

const thousands = /\B(?=(\d{3})+(?!\d))/g

/** A number with so many digits after the point, and gaps between thousands. */
export const figure = (value: number, digits: number): string => {
  const [whole = "", rest] = value.toFixed(digits).split(".")
  const spaced = whole.replace(thousands, " ")
  return rest === undefined ? spaced : `${spaced}.${rest}`
}

/** Ratios are told apart by hundredths; the next digit is noise. */
const RATIO_DIGITS = 2

const spreadText = ({ max, min }: Spread, digits: number): string => `${figure(min, digits)}..${figure(max, digits)}`

interface Cell {
  readonly heading: string
  readonly of: (line: Line) => string
}

/** What is shown of one column: the main one comes with its spread, and those that are compared with their ratio. */
const cellsOfColumn = ({ lines, main, rounds }: Table, { digits, isCompared, key, title }: Column): Array<Cell> => {
  const median = (spread: Spread | undefined, digits: number) => (spread ? figure(spread.median, digits) : "")
  const range = (spread: Spread | undefined, digits: number) => (spread ? spreadText(spread, digits) : "")
  const isMain = key === main
  const isSpread = rounds > 1
  const hasRatio = (isMain || isCompared === true) && lines.some(({ ratios }) => ratios[key] !== undefined)
  return [
    { heading: title, of: ({ values }) => median(values[key], digits) },
    ...(isMain && isSpread ? [{ heading: "min..max", of: ({ values }: Line) => range(values[key], digits) }] : []),
    ...(hasRatio
      ? [
          { heading: `of ${FLOOR}`, of: ({ ratios }: Line) => median(ratios[key], RATIO_DIGITS) },
          ...(isSpread ? [{ heading: "min..max", of: ({ ratios }: Line) => range(ratios[key], RATIO_DIGITS) }] : [])
        ]
      : [])
  ]
}

/** The table's cells, headings first: medians, and the spread of what the table is about. */
export const cellsOf = (table: Table): ReadonlyArray<ReadonlyArray<string>> => {
  const shown: ReadonlyArray<Cell> = [
    { heading: "contender", of: ({ title }) => title },
    ...table.columns.flatMap((column) => cellsOfColumn(table, column))
  ]
  return [shown.map(({ heading }) => heading), ...table.lines.map((line) => shown.map(({ of }) => of(line)))]
}

/** What is done, and how often it was asked. */
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
