/** Decodes the rows of one statement; created once from the server's RowDescription. */
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as PgTypes from "@effect/sql-pg/PgTypes"
import type { Field, Row } from "@effect/sql-pg/PgConnection"
import { binaryReader, driverReader } from "./BinaryValues.ts"
import { isBinary as hasBinary, plainTypes, type TypeCatalogue } from "./TypeCatalogue.ts"

const NULL = -1

const NONE: ReadonlyArray<number> = []

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

/** Decodes UTF-8; an invalid sequence is an error, and no replacement character. */
const utf8 = new TextDecoder("utf-8", { fatal: true })

const textOf = (bytes: Uint8Array, start: number, end: number): string => {
  const text = (bytes as Buffer).toString("utf8", start, end)
  return text.includes("\uFFFD") ? utf8.decode(bytes.subarray(start, end)) : text
}

export class RowShape {
  readonly fields: ReadonlyArray<Field>
  /** Whether all columns can be requested in the binary format, which is faster to read. */
  readonly canBeBinary: boolean
  private readonly names: ReadonlyArray<string>
  private readonly isBinary: boolean
  private readonly registry: PgTypes.Registry | undefined
  private readonly catalogue: TypeCatalogue
  private reader: PgProtocol.FieldReader<unknown> | undefined = undefined
  private inOtherFormat: RowShape | undefined = undefined

  /** With a registry of the application, everything is read by it, in the binary format. */
  constructor(
    fields: ReadonlyArray<Field>,
    isBinary: boolean,
    registry: PgTypes.Registry | undefined,
    catalogue: TypeCatalogue
  ) {
    this.fields = fields
    this.names = fields.map(({ name }) => name)
    this.isBinary = isBinary
    this.canBeBinary = registry !== undefined || fields.every(({ dataTypeId }) => hasBinary(dataTypeId))
    this.registry = registry
    this.catalogue = catalogue
  }

  /** Throws a `CodecError` when the columns are not of one format. */
  static of(
    { fields }: PgProtocol.RowDescription,
    registry: PgTypes.Registry | undefined,
    catalogue: TypeCatalogue
  ): RowShape {
    const isBinary = fields.every(({ format }) => format === 1)
    if (!isBinary && (registry !== undefined || fields.some(({ format }) => format === 1))) {
      throw new PgTypes.CodecError({ message: "the columns came in a format that was not requested" })
    }
    const named = fields.map(({ dataTypeOid, name }) => ({ name, dataTypeId: dataTypeOid }))
    return new RowShape(named, isBinary, registry, catalogue)
  }

  /** The same columns in the format that was requested. */
  inFormat(isBinary: boolean): RowShape {
    if (isBinary === this.isBinary) return this
    return (this.inOtherFormat ??= new RowShape(this.fields, isBinary, this.registry, this.catalogue))
  }

  /** The types that must be looked up before a row can be decoded. */
  get unknownTypes(): ReadonlyArray<number> {
    if (this.isBinary || this.reader !== undefined) return NONE
    return this.fields.map(({ dataTypeId }) => dataTypeId).filter((oid) => this.catalogue.isUnknown(oid))
  }

  /** The error of a row that could not be decoded: which column, which type, and what helps. */
  unreadable(bytes: Uint8Array, start: number, cause: unknown): PgTypes.CodecError {
    const column = this.unreadableColumn(bytes, start)
    const field = this.fields[column]
    // Other errors, such as those of JSON.parse, quote the value.
    const reason = cause instanceof PgTypes.CodecError ? cause.message : "its value is not in the form of its type"
    return new PgTypes.CodecError({
      message:
        `column "${field?.name}" (type OID ${field?.dataTypeId}) cannot be decoded: ` +
        `${reason}. Select "${field?.name}"::text instead`
    })
  }

  private unreadableColumn(bytes: Uint8Array, start: number): number {
    let at = start + 2
    for (let column = 0; column < this.names.length; column++) {
      const size = int32(bytes, at)
      at += 4
      try {
        this.readField(bytes, at, size, column)
      } catch {
        return column
      }
      if (size > 0) at += size
    }
    return -1
  }

  private get readField(): PgProtocol.FieldReader<unknown> {
    return (this.reader ??= this.makeReader())
  }

  private makeReader(): PgProtocol.FieldReader<unknown> {
    const { registry } = this
    const types = this.fields.map(({ dataTypeId }) => ({ dataTypeOid: dataTypeId, format: 1 }))
    if (this.isBinary) return registry === undefined ? binaryReader(types, plainTypes) : driverReader(types, registry)
    const decoders = types.map(({ dataTypeOid }) => this.catalogue.decoder(dataTypeOid))
    return (bytes, offset, size, column) => (size < 0 ? null : decoders[column]!(textOf(bytes, offset, offset + size)))
  }

  /** One row as an object. */
  row(bytes: Uint8Array, start: number, end: number): Row {
    const row: Record<string, unknown> = {}
    const names = this.names
    const { readField } = this
    let at = this.begin(bytes, start, end)
    for (let column = 0; column < names.length; column++) {
      const size = this.sizeAt(bytes, at, end)
      at += 4
      put(row, names[column]!, readField(bytes, at, size, column))
      if (size > 0) at += size
    }
    if (at !== end) throw malformed("is longer than its columns")
    return row
  }

  /** One row by position. */
  values(bytes: Uint8Array, start: number, end: number): ReadonlyArray<unknown> {
    const values: Array<unknown> = []
    const { readField } = this
    let at = this.begin(bytes, start, end)
    for (let column = 0; column < this.names.length; column++) {
      const size = this.sizeAt(bytes, at, end)
      at += 4
      values.push(readField(bytes, at, size, column))
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
