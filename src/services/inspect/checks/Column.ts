/** The columns of a check: what each holds, how it is read, and how it is to be shown. */
import * as Schema from "effect/Schema"

/**
 * What a column holds: `word` is one of a few, `name` and `text` are words of the server, `statement` is SQL without its literals, `count` a
 * number of things, `bytes` and `millis` sizes and spans, `share` a fraction of 1, `flag` yes or no, `time` an instant
 * as ISO 8601.
 */
export type ColumnKind =
  | "word"
  | "name"
  | "text"
  | "statement"
  | "count"
  | "bytes"
  | "millis"
  | "share"
  | "flag"
  | "time"

/** What a cell may be, whatever its column. */
export const Cell = Schema.NullOr(Schema.Union([Schema.String, Schema.Number, Schema.Boolean]))

export type Cell = typeof Cell.Type

/** Reads a cell, from JSON and without any service. */
type CellCodec = Schema.Codec<Cell, Cell>

/** One column. */
export interface Column<S extends CellCodec = CellCodec> {
  readonly schema: S
  readonly kind: ColumnKind
  /** What the column says, as a phrase. */
  readonly meaning: string
  /** Whether a narrow terminal may do without it. */
  readonly isExtra: boolean
}

/** The columns of a check by their names in JSON, in the order they are shown. */
export type Columns = Readonly<Record<string, Column>>

/** A row of a check. */
export type RowOf<C extends Columns> = { readonly [Name in keyof C]: C[Name]["schema"]["Type"] }

const column =
  <S extends CellCodec>(kind: ColumnKind, schema: S) =>
  (meaning: string): Column<S> => ({ schema, kind, meaning, isExtra: false })

export const word = column("word", Schema.String)
export const name = column("name", Schema.String)
export const text = column("text", Schema.String)
export const statement = column("statement", Schema.String)
export const count = column("count", Schema.Number)
export const bytes = column("bytes", Schema.Number)
export const millis = column("millis", Schema.Number)
export const share = column("share", Schema.Number)
export const flag = column("flag", Schema.Boolean)
export const time = column("time", Schema.String)

/** The column where the server may not say it, or it does not apply. */
export const maybe = <S extends CellCodec>(of: Column<S>): Column<Schema.NullOr<S>> => ({
  ...of,
  schema: Schema.NullOr(of.schema)
})

/** The column where a narrow terminal may do without it; JSON and a pipe always have it. */
export const extra = <S extends CellCodec>(of: Column<S>): Column<S> => ({ ...of, isExtra: true })
