/** The result of a run, as it is written to JSON and rendered. */
import type { Route } from "./Database.ts"

/** A figure over all rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** A figure of a table. */
export interface Column {
  readonly key: string
  readonly title: string
  readonly digits: number
  /** Whether its ratio to the baseline is shown; the main column's always is. */
  readonly isCompared?: boolean | undefined
}

export interface TableRow {
  readonly name: string
  readonly title: string
  readonly values: Readonly<Record<string, Spread>>
  /** The same figures divided by the baseline's of the same round; empty without a baseline. */
  readonly ratios: Readonly<Record<string, Spread>>
}

export interface Table {
  readonly workload: string
  /** The operation and the number of callers: `point, 10 callers`. */
  readonly title: string
  readonly rounds: number
  readonly columns: ReadonlyArray<Column>
  /** The column of the charts and ratios. */
  readonly main: string
  readonly rows: ReadonlyArray<TableRow>
}

export interface Result {
  readonly command: string
  /** Options that the command for a single workload repeats. */
  readonly flags: ReadonlyArray<string>
  readonly date: string
  readonly machine: { readonly cpu: string; readonly cores: number; readonly platform: string }
  readonly versions: Readonly<Record<string, string>>
  readonly route: Route
  readonly seconds: number
  readonly tables: ReadonlyArray<Table>
}

export const spreadOf = (figures: ReadonlyArray<number>): Spread => {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}
