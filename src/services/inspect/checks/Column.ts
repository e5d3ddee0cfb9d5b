/** The columns of a check: kind, schema and meaning. */
import * as Schema from "effect/Schema"

/**
 * What a column holds: `word` is one of a few values, `name` and `text` come from the server, `statement` is SQL without
 * literals, `count` a number, `bytes` a size, `millis` a duration, `share` a fraction of 1, `flag` a boolean, `time` an
 * instant as ISO 8601.
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

export const Cell = Schema.NullOr(Schema.Union([Schema.String, Schema.Number, Schema.Boolean]))

export type Cell = typeof Cell.Type

type CellCodec = Schema.Codec<Cell, Cell>

export interface Column<S extends CellCodec = CellCodec> {
  readonly schema: S
  readonly kind: ColumnKind
  /** The meaning, as a phrase. */
  readonly meaning: string
  /** Whether a narrow terminal omits it. */
  readonly isExtra: boolean
}

/** The columns of a check by their names in JSON, in display order. */
export type Columns = Readonly<Record<string, Column>>

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

export const maybe = <S extends CellCodec>(of: Column<S>): Column<Schema.NullOr<S>> => ({
  ...of,
  schema: Schema.NullOr(of.schema)
})

/** A column that a narrow terminal omits; JSON and a pipe always have it. */
export const extra = <S extends CellCodec>(of: Column<S>): Column<S> => ({ ...of, isExtra: true })
