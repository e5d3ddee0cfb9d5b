/** Reads rows from DataRow messages with binary columns. */
import type { Row } from "../Operation.ts"

/** Type ids, from PostgreSQL's pg_type.dat. */
const OID = { bool: 16, int4: 23, text: 25, float8: 701, timestamptz: 1184 } as const

/** PostgreSQL counts microseconds from the first day of 2000. */
const EPOCH_MILLIS = Date.UTC(2000, 0, 1)

const MICROS_PER_MILLI = 1000

type Read = (bytes: Buffer, at: number, length: number) => unknown

const readers: Readonly<Record<number, Read>> = {
  [OID.bool]: (bytes, at) => bytes[at] === 1,
  [OID.int4]: (bytes, at) => bytes.readInt32BE(at),
  [OID.text]: (bytes, at, length) => bytes.toString("utf8", at, at + length),
  [OID.float8]: (bytes, at) => bytes.readDoubleBE(at),
  [OID.timestamptz]: (bytes, at) => new Date(EPOCH_MILLIS + Number(bytes.readBigInt64BE(at)) / MICROS_PER_MILLI)
}

export interface Column {
  readonly name: string
  readonly read: Read
}

/** The columns of a RowDescription. */
export const columnsOf = (bytes: Buffer, from: number): ReadonlyArray<Column> => {
  let at = from + 2
  return Array.from({ length: bytes.readInt16BE(from) }, () => {
    const end = bytes.indexOf(0, at)
    const name = bytes.toString("utf8", at, end)
    // The table's id and the column's number precede the type; its size, modifier and format follow.
    const oid = bytes.readInt32BE(end + 7)
    at = end + 19
    const read = readers[oid]
    if (read === undefined) throw new Error(`The bare client cannot read type ${oid} of column ${name}`)
    return { name, read }
  })
}

/** One row. */
export const rowOf = (columns: ReadonlyArray<Column>, bytes: Buffer, from: number): Row => {
  const row: Record<string, unknown> = {}
  let at = from + 2
  for (const { name, read } of columns) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) {
      row[name] = null
    } else {
      row[name] = read(bytes, at, length)
      at += length
    }
  }
  return row
}
