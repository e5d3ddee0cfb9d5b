/** Decodes the rows of one statement; created once from the server's RowDescription. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import type { Field, Row } from "@effect/sql-pg/PgConnection"

const NULL = -1

/** The message is not a DataRow as the protocol defines it (PostgreSQL docs, "Message Formats"). */
const malformed = (what: string): PgProtocol.ParseError => new PgProtocol.ParseError({ message: `DataRow ${what}` })

const int32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

/** The one name that an assignment would set as the prototype instead of storing it. */
const PROTOTYPE = "__proto__"

const put = (row: Record<string, unknown>, name: string, value: unknown): void => {
  if (name !== PROTOTYPE) row[name] = value
  else Object.defineProperty(row, name, { value, configurable: true, enumerable: true, writable: true })
}

export class RowShape {
  readonly fields: ReadonlyArray<Field>
  private readonly names: ReadonlyArray<string>
  private readonly readField: PgProtocol.FieldReader<unknown>

  /** Throws a `CodecError` when a column has a format that was not requested. */
  constructor(description: PgProtocol.RowDescription, registry: PgTypes.Registry | undefined) {
    this.fields = description.fields.map(({ dataTypeOid, name }) => ({ name, dataTypeId: dataTypeOid }))
    this.names = this.fields.map(({ name }) => name)
    this.readField = Result.getOrThrowWith(PgTypes.makeFieldReader(description.fields, registry), (error) => error)
  }

  /** One row as an object. */
  row(bytes: Uint8Array, start: number, end: number): Row {
    const row: Record<string, unknown> = {}
    const names = this.names
    let at = this.begin(bytes, start, end)
    for (let column = 0; column < names.length; column++) {
      const size = this.sizeAt(bytes, at, end)
      at += 4
      put(row, names[column]!, this.readField(bytes, at, size, column))
      if (size > 0) at += size
    }
    if (at !== end) throw malformed("is longer than its columns")
    return row
  }

  /** One row by position. */
  values(bytes: Uint8Array, start: number, end: number): ReadonlyArray<unknown> {
    const values: Array<unknown> = []
    let at = this.begin(bytes, start, end)
    for (let column = 0; column < this.names.length; column++) {
      const size = this.sizeAt(bytes, at, end)
      at += 4
      values.push(this.readField(bytes, at, size, column))
      if (size > 0) at += size
    }
    if (at !== end) throw malformed("is longer than its columns")
    return values
  }

  private begin(bytes: Uint8Array, start: number, end: number): number {
    const count = end - start < 2 ? NULL : (bytes[start]! << 8) | bytes[start + 1]!
    if (count !== this.names.length) throw malformed(`has ${count} values for ${this.names.length} columns`)
    return start + 2
  }

  private sizeAt(bytes: Uint8Array, at: number, end: number): number {
    const size = at + 4 > end ? end : int32(bytes, at)
    if (size < NULL || at + 4 + size > end) throw malformed("is shorter than its columns")
    return size
  }
}
