/**
 * The PostgreSQL type that a JavaScript value without an explicit type is sent as. The rules are the driver's, so that a
 * statement means the same in the pipeline and in the driver.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"

const INT4_MIN = -(2 ** 31)
const INT4_MAX = 2 ** 31 - 1

/** No type: the value is sent as text, and the server infers its type from the statement. */
const UNTYPED = 0

const as = (oid: number, value: unknown): PgTypes.Parameter => ({
  [PgTypes.ParameterTypeId]: PgTypes.ParameterTypeId,
  oid,
  value
})

const untypedNull = as(UNTYPED, null)

const cannot = (message: string): PgTypes.CodecError => new PgTypes.CodecError({ message })

const ofNumber = (value: number): PgTypes.Parameter => {
  if (Number.isInteger(value)) {
    if (value >= INT4_MIN && value <= INT4_MAX) return as(PgTypes.OID.int4, value)
    if (Number.isSafeInteger(value)) return as(PgTypes.OID.int8, BigInt(value))
  }
  return as(PgTypes.OID.float8, value)
}

const ofScalar = (value: unknown): PgTypes.Parameter => {
  switch (typeof value) {
    case "string":
      return as(UNTYPED, value)
    case "number":
      return ofNumber(value)
    case "boolean":
      return as(PgTypes.OID.bool, value)
    case "bigint":
      return as(PgTypes.OID.int8, value)
    case "undefined":
      return untypedNull
  }
  if (value === null) return untypedNull
  if (PgTypes.isParameter(value)) return value
  if (value instanceof Date) return as(PgTypes.OID.timestamptz, value)
  if (value instanceof Uint8Array) return as(PgTypes.OID.bytea, value)
  if (value instanceof Int8Array) {
    return as(PgTypes.OID.bytea, new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  }
  throw cannot(`Cannot infer a PostgreSQL type for ${String(value)}`)
}

/** An array has the type of its elements, which must agree; a string in it is `text`, because an array must have a type. */
const ofArray = (values: ReadonlyArray<unknown>, registry: PgTypes.Registry | undefined): PgTypes.Parameter => {
  if (values.length === 0) return as(UNTYPED, "{}")
  let element: number | undefined
  const elements = values.map((value) => {
    if (Array.isArray(value)) throw cannot("Nested array parameters are not supported")
    const parameter = ofScalar(value)
    if (parameter.value === null && parameter.oid === UNTYPED) return null
    if (Array.isArray(parameter.value)) throw cannot("Nested array parameters are not supported")
    const oid = parameter.oid === UNTYPED ? PgTypes.OID.text : parameter.oid
    if ((element ??= oid) !== oid) throw cannot("Array parameter elements must have the same inferred OID")
    return parameter.value
  })
  if (element === undefined) throw cannot("Cannot infer the type of an array containing only null values")
  const oid = PgTypes.arrayOidFor(element, registry)
  if (oid === undefined) throw cannot(`No array type known for element OID ${element}`)
  return as(oid, elements)
}

/** The parameter a value is sent as. Throws a `CodecError` for a value that has no type in PostgreSQL. */
export const parameterOf = (value: unknown, registry: PgTypes.Registry | undefined): PgTypes.Parameter =>
  Array.isArray(value) ? ofArray(value, registry) : ofScalar(value)
