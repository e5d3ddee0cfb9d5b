/**
 * The PostgreSQL type that a JavaScript value without an explicit type is sent as.
 *
 * A single value has the driver's type, so that a statement means the same in both. Beyond the driver, the elements of an
 * array are widened to their common type, typed and nested arrays are sent, a bigint of any size too, and a number is
 * sent as text where the statement says what type it has (`InferredTypes.ts`).
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import { Place, placesIn } from "./InferredTypes.ts"

const INT4_MIN = -(2 ** 31)
const INT4_MAX = 2 ** 31 - 1
const INT8_MIN = -(2n ** 63n)
const INT8_MAX = 2n ** 63n - 1n

/** No type: the value is sent as text, and the server infers its type from the statement. */
const UNTYPED = 0

const { OID } = PgTypes

/** A parameter; one that is sent as text may have a type all the same. */
export interface SentParameter extends PgTypes.Parameter {
  readonly declared?: number
}

const as = (oid: number, value: unknown): SentParameter => ({
  [PgTypes.ParameterTypeId]: PgTypes.ParameterTypeId,
  oid,
  value
})

const asText = (declared: number, value: string): SentParameter => ({
  [PgTypes.ParameterTypeId]: PgTypes.ParameterTypeId,
  oid: UNTYPED,
  value,
  declared
})

const untypedNull = as(UNTYPED, null)

const cannot = (message: string): PgTypes.CodecError => new PgTypes.CodecError({ message })

/** What a value is, without the value: messages are logged. */
const kindOf = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return `a ${typeof value}`
  const name = (value.constructor as { readonly name?: unknown } | undefined)?.name
  return typeof name === "string" && name !== "Object" ? `a ${name}` : "an object"
}

const numberText = (value: number | bigint): string => (Object.is(value, -0) ? "-0" : String(value))

const isInt8 = (value: bigint): boolean => value >= INT8_MIN && value <= INT8_MAX

const ofNumber = (value: number): SentParameter => {
  if (Number.isInteger(value)) {
    if (value >= INT4_MIN && value <= INT4_MAX) return as(OID.int4, value)
    if (Number.isSafeInteger(value)) return as(OID.int8, BigInt(value))
  }
  return as(OID.float8, value)
}

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

const ofScalar = (value: unknown): SentParameter => {
  switch (typeof value) {
    case "string":
      return as(UNTYPED, value)
    case "number":
      return ofNumber(value)
    case "boolean":
      return as(OID.bool, value)
    case "bigint":
      return isInt8(value) ? as(OID.int8, value) : asText(OID.numeric, String(value))
    case "undefined":
      return untypedNull
  }
  if (value === null) return untypedNull
  if (PgTypes.isParameter(value)) return value
  if (value instanceof Date) return as(OID.timestamptz, value)
  if (value instanceof Uint8Array) return as(OID.bytea, value)
  if (value instanceof Int8Array || value instanceof Uint8ClampedArray || value instanceof DataView) {
    return as(OID.bytea, bytesOf(value))
  }
  const remedy =
    value instanceof Object && !Array.isArray(value)
      ? "; write sql.json(value) for json, or PgTypes for another type"
      : "; convert it first"
  throw cannot(`${kindOf(value)} has no type in PostgreSQL${remedy}`)
}

type Nested = ReadonlyArray<unknown>

/** The elements of an array, of those in it too, in order; all must be at the same depth. */
const flatten = (values: Nested, depth: number, leaves: Array<unknown>): void => {
  for (const value of values) {
    if (Array.isArray(value) !== depth > 1) throw cannot("an array holds arrays beside other elements")
    if (Array.isArray(value)) flatten(value, depth - 1, leaves)
    else leaves.push(value)
  }
}

const depthOf = (values: Nested): number => (Array.isArray(values[0]) ? 1 + depthOf(values[0]) : 1)

const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint"

/** The type that holds every number exactly as JavaScript has it: int4, int8, float8 or numeric. */
const widest = (numbers: ReadonlyArray<number | bigint>): number => {
  let oid: number = OID.int4
  let hasBigint = false
  for (const number of numbers) {
    if (typeof number === "bigint") hasBigint = true
    const own = typeof number === "bigint" && !isInt8(number) ? OID.numeric : ofScalar(number).oid
    if (own === OID.numeric || oid === OID.numeric) oid = OID.numeric
    else if (own === OID.float8 || oid === OID.float8) oid = OID.float8
    else if (own === OID.int8) oid = OID.int8
  }
  return hasBigint && oid === OID.float8 ? OID.numeric : oid
}

/** The type of the elements; undefined when all are null. */
const elementType = (leaves: ReadonlyArray<unknown>): number | undefined => {
  const present = leaves.filter((leaf) => ofScalar(leaf).value !== null)
  if (present.length === 0) return undefined
  if (present.every(isNumber)) return widest(present)
  let common: number | undefined
  for (const leaf of present) {
    const { declared, oid: own, value } = ofScalar(leaf)
    if (Array.isArray(value)) throw cannot("an element of an array is a parameter with an array type")
    const oid = declared ?? (own === UNTYPED ? OID.text : own)
    if ((common ??= oid) === oid) continue
    throw cannot(
      `an array has elements of different types, ${kindOf(present[0])} and ${kindOf(leaf)}; convert them to one type`
    )
  }
  return common
}

const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`

/** As PostgreSQL reads it: years after 9999 have more digits, those before 1 are BC. */
const dateText = (date: Date): string => {
  if (Number.isNaN(date.getTime())) throw cannot("an invalid Date")
  const year = date.getUTCFullYear()
  const rest = date.toISOString().replace(/^[+-]?\d+/, "")
  return `${String(year > 0 ? year : 1 - year).padStart(4, "0")}${rest}${year > 0 ? "" : " BC"}`
}

const leafText = (leaf: unknown): string => {
  const { oid, value } = ofScalar(leaf)
  if (value === null) return "NULL"
  if (oid === OID.json || oid === OID.jsonb) return quote(JSON.stringify(value))
  if (isNumber(value)) return numberText(typeof leaf === "number" ? leaf : value)
  if (typeof value === "boolean") return String(value)
  if (typeof value === "string") return quote(value)
  if (value instanceof Date) return quote(dateText(value))
  if (value instanceof Uint8Array) return quote(String.raw`\x${Buffer.from(bytesOf(value)).toString("hex")}`)
  throw cannot(`${kindOf(value)} cannot be an element of a nested array`)
}

/** An array as PostgreSQL writes it. An empty array has no dimensions. */
const arrayText = (values: Nested): string => {
  const write = (array: Nested): string =>
    `{${array.map((value) => (Array.isArray(value) ? write(value) : leafText(value))).join(",")}}`
  const text = write(values)
  return /^[{},]*$/.test(text) ? "{}" : text
}

const textTypes = new Set<number>([OID.text, OID.int4, OID.int8, OID.float8, OID.numeric])

/** Whether the place says what type the elements have, so that the array can be sent without one. */
const isInferred = (element: number, place: number): boolean =>
  place === Place.numberCast ? textTypes.has(element) : place === Place.column && element === OID.text

const ofArray = (values: Nested, registry: PgTypes.Registry | undefined, place: number): SentParameter => {
  const depth = depthOf(values)
  const leaves: Array<unknown> = []
  flatten(values, depth, leaves)
  let element = elementType(leaves)
  if (element === undefined || isInferred(element, place)) return as(UNTYPED, arrayText(values))
  // Not without a type: a vector is assigned from an array of numbers, but has another text.
  if (place === Place.column && element === OID.float8 && !leaves.some((leaf) => Object.is(leaf, -0))) {
    element = OID.numeric
  }
  const oid = PgTypes.arrayOidFor(element, registry)
  if (oid === undefined) throw cannot(`no array type is known for elements of the type with OID ${element}`)
  if (depth > 1 || element === OID.numeric) return asText(oid, arrayText(values))
  return as(
    oid,
    leaves.map((leaf) => {
      if (element === OID.float8 && typeof leaf === "number") return leaf
      const { value } = ofScalar(leaf)
      return element === OID.int8 && typeof value === "number" ? BigInt(value) : value
    })
  )
}

/** The elements of a typed array, and the type that holds them all. */
const ofTypedArray = (value: object): { readonly oid: number; readonly elements: Nested } | undefined => {
  if (value instanceof Float32Array || kindOf(value) === "a Float16Array") {
    return { oid: OID.float4Array, elements: Array.from(value as Float32Array) }
  }
  if (value instanceof Float64Array) return { oid: OID.float8Array, elements: Array.from(value) }
  if (value instanceof Int16Array) return { oid: OID.int2Array, elements: Array.from(value) }
  if (value instanceof Int32Array || value instanceof Uint16Array) {
    return { oid: OID.int4Array, elements: Array.from(value) }
  }
  if (value instanceof Uint32Array) return { oid: OID.int8Array, elements: Array.from(value, BigInt) }
  if (value instanceof BigInt64Array) return { oid: OID.int8Array, elements: Array.from(value) }
  if (value instanceof BigUint64Array) {
    const elements = Array.from(value)
    return { oid: elements.every(isInt8) ? OID.int8Array : OID.numericArray, elements }
  }
  return undefined
}

/** The parameter a value is sent as. Throws a `CodecError` for a value that has no type in PostgreSQL. */
export const parameterOf = (
  value: unknown,
  registry: PgTypes.Registry | undefined,
  place: number = Place.anywhere
): SentParameter => {
  if (isNumber(value)) return place === Place.anywhere ? ofScalar(value) : as(UNTYPED, numberText(value))
  if (Array.isArray(value)) return ofArray(value, registry, place)
  const typed = ArrayBuffer.isView(value) ? ofTypedArray(value) : undefined
  if (typed === undefined) return ofScalar(value)
  const { elements, oid } = typed
  if (place === Place.numberCast) return as(UNTYPED, arrayText(elements))
  return oid === OID.numericArray ? asText(oid, arrayText(elements)) : as(oid, elements)
}

/** Whether the place of a value decides how it is sent. */
const dependsOnPlace = (value: unknown): boolean => isNumber(value) || typeof value === "object"

const NO_PARAMETERS: ReadonlyArray<SentParameter> = []

/** The parameters of a statement. Throws a `CodecError` that names the one that cannot be sent. */
export const parametersOf = (
  sql: string,
  params: ReadonlyArray<unknown>,
  registry: PgTypes.Registry | undefined
): ReadonlyArray<SentParameter> => {
  if (params.length === 0) return NO_PARAMETERS
  const places = params.some(dependsOnPlace) ? placesIn(sql) : undefined
  let at = 0
  try {
    // `map`, because an array that is pushed to reserves room for sixteen more.
    return params.map((value, index) => {
      at = index
      return parameterOf(value, registry, places?.[index])
    })
  } catch (cause) {
    if (cause instanceof PgTypes.CodecError) throw cannot(`parameter $${at + 1}: ${cause.message}`)
    throw cause
  }
}

/** The same for the driver, which has no text with a type. */
export const driverParameters = (
  sql: string,
  params: ReadonlyArray<unknown>,
  registry: PgTypes.Registry | undefined
): ReadonlyArray<unknown> =>
  parametersOf(sql, params, registry).map((parameter, index) => {
    if (parameter.declared === OID.numeric) return as(OID.numeric, parameter.value)
    if (parameter.oid === UNTYPED) return parameter
    // The driver's own failure would not tell whether a parameter or a result was meant.
    const encoded = PgTypes.encodeParameter(parameter, registry)
    if (Result.isFailure(encoded)) throw cannot(`parameter $${index + 1}: ${encoded.failure.message}`)
    return parameter
  })
