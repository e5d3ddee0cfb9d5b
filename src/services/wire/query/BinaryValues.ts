/** Values in the binary format that the driver does not read as PostgreSQL means them: nested arrays and infinities. */
import * as PgTypes from "@effect/sql-pg/PgTypes"
import type { FieldReader, FieldDescription } from "@effect/sql-pg/PgProtocol"
import * as Result from "effect/Result"
import { binaryElement, isBinary } from "./TypeCatalogue.ts"

const { OID } = PgTypes

type Reader = (bytes: Uint8Array, offset: number, size: number) => unknown

const int32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

const MAX = 0x7f_ff_ff_ff
const MIN = -0x80_00_00_00

/** Microseconds in a day, and days from year 0 of the calendar's cycle of 400 years to PostgreSQL's epoch. */
const DAY = 86_400_000_000n
const CYCLE_DAYS = 146_097
const POSTGRES_EPOCH = Date.UTC(2000, 0, 1)

/** A timestamp after the range of Date, as PostgreSQL writes it in UTC: the calendar repeats every 400 years. */
const farTimestamp = (micros: bigint, zone: string): string => {
  const cycles = micros / (DAY * BigInt(CYCLE_DAYS))
  const rest = micros - cycles * DAY * BigInt(CYCLE_DAYS)
  const date = new Date(POSTGRES_EPOCH + Number(rest / 1000n))
  const iso = date.toISOString()
  const fraction = String(rest % 1_000_000n)
    .padStart(6, "0")
    .replace(/0+$/, "")
  const year = date.getUTCFullYear() + 400 * Number(cycles)
  return `${year}${iso.slice(4, 10)} ${iso.slice(11, 19)}${fraction === "" ? "" : `.${fraction}`}${zone}`
}

const timestamp =
  (read: Reader, zone: string): Reader =>
  (bytes, offset, size) => {
    const high = int32(bytes, offset)
    const low = int32(bytes, offset + 4)
    if (high === MAX && low === -1) return Infinity
    if (high === MIN && low === 0) return -Infinity
    const value = read(bytes, offset, size)
    return value instanceof Date && Number.isNaN(value.getTime())
      ? farTimestamp((BigInt(high) << 32n) | BigInt(low >>> 0), zone)
      : value
  }

const interval =
  (read: Reader): Reader =>
  (bytes, offset, size) => {
    const months = int32(bytes, offset + 12)
    const days = int32(bytes, offset + 8)
    if (months === MAX && days === MAX && int32(bytes, offset) === MAX) return Infinity
    if (months === MIN && days === MIN && int32(bytes, offset) === MIN) return -Infinity
    return read(bytes, offset, size)
  }

/** The driver writes years before year 1 with a minus, which PostgreSQL does not read. */
const date =
  (read: Reader): Reader =>
  (bytes, offset, size) => {
    const text = String(read(bytes, offset, size))
    const found = /^(-\d+|0000)(-.*)$/.exec(text)
    return found === null ? text : `${String(1 - Number(found[1])).padStart(4, "0")}${found[2]} BC`
  }

const truncated = (): PgTypes.CodecError => new PgTypes.CodecError({ message: "an array is shorter than its elements" })

/** An array of any number of dimensions and any lower bounds. */
const array =
  (element: Reader): Reader =>
  (bytes, offset, size) => {
    const dimensions = int32(bytes, offset)
    const end = offset + size
    let at = offset + 12 + 8 * dimensions
    const read = (dimension: number): Array<unknown> => {
      const length = int32(bytes, offset + 12 + 8 * dimension)
      if (length < 0 || length > size) throw truncated()
      const values: Array<unknown> = Array.from({ length })
      for (let index = 0; index < length; index++) {
        if (dimension < dimensions - 1) {
          values[index] = read(dimension + 1)
          continue
        }
        const bytesOfElement = int32(bytes, at)
        at += 4
        if (at > end || at + bytesOfElement > end) throw truncated()
        values[index] = bytesOfElement < 0 ? null : element(bytes, at, bytesOfElement)
        if (bytesOfElement > 0) at += bytesOfElement
      }
      return values
    }
    return dimensions === 0 ? [] : read(0)
  }

/** The reader of one type, where the driver's is not right; undefined where it is. */
const ownReader = (oid: number, registry: PgTypes.Registry): Reader | undefined => {
  const driver = (type: number): Reader => {
    const read = driverReader([{ dataTypeOid: type, format: 1 }], registry)
    return (bytes, offset, size) => read(bytes, offset, size, 0)
  }
  if (oid === OID.timestamp) return timestamp(driver(oid), "")
  if (oid === OID.timestamptz) return timestamp(driver(oid), "+00")
  if (oid === OID.interval) return interval(driver(oid))
  if (oid === OID.date) return date(driver(oid))
  const element = binaryElement(oid)
  if (element !== undefined) return array(ownReader(element, registry) ?? driver(element))
  return isBinary(oid) ? undefined : unrequested
}

/** Only text was requested of such a type, unless the table has changed since. */
const unrequested: Reader = () => {
  throw new PgTypes.CodecError({ message: "it came in the binary format, and can be read in text only" })
}

export const driverReader = (
  columns: ReadonlyArray<PgTypes.Column>,
  registry: PgTypes.Registry | undefined
): FieldReader<unknown> => Result.getOrThrowWith(PgTypes.makeFieldReader(columns, registry), (error) => error)

/** Reads the fields of a row. */
export const binaryReader = (
  columns: ReadonlyArray<Pick<FieldDescription, "dataTypeOid">>,
  registry: PgTypes.Registry
): FieldReader<unknown> => {
  const driver = driverReader(
    columns.map(({ dataTypeOid }) => ({ dataTypeOid, format: 1 })),
    registry
  )
  const own = columns.map(({ dataTypeOid }) => ownReader(dataTypeOid, registry))
  if (own.every((reader) => reader === undefined)) return driver
  return (bytes, offset, size, column) => {
    const reader = size < 0 ? undefined : own[column]
    return reader === undefined ? driver(bytes, offset, size, column) : reader(bytes, offset, size)
  }
}
