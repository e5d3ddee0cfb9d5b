/**
 * The types of one database, as far as decoding needs them: which are arrays, and of what.
 *
 * A type that is no array needs no entry: the driver's types have decoders, and every other (enums, ranges, composites)
 * is the text that psql shows. PostgreSQL describes a column of a domain by the domain's base type. Arrays of built-in
 * types are known; those of user-defined types come from the catalogue of the database, once for a pool.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"
import { arrayDecoder, isBinaryScalar, type TextDecoder, textDecoder } from "./TextValues.ts"

/** Array types and their elements (PostgreSQL 18, pg_type). */
const BUILT_IN_ARRAYS =
  "143:142 199:114 210:71 270:75 271:5069 272:81 273:83 629:628 651:650 719:718 775:774 791:790 1000:16 1001:17 " +
  "1002:18 1003:19 1005:21 1006:22 1007:23 1008:24 1009:25 1010:27 1011:28 1012:29 1013:30 1014:1042 1015:1043 " +
  "1016:20 1017:600 1018:601 1019:602 1020:603 1021:700 1022:701 1027:604 1028:26 1034:1033 1040:829 1041:869 " +
  "1115:1114 1182:1082 1183:1083 1185:1184 1187:1186 1231:1700 1263:2275 1270:1266 1561:1560 1563:1562 2201:1790 " +
  "2207:2202 2208:2203 2209:2204 2210:2205 2211:2206 2287:2249 2949:2970 2951:2950 3221:3220 3643:3614 3644:3642 " +
  "3645:3615 3735:3734 3770:3769 3807:3802 3905:3904 3907:3906 3909:3908 3911:3910 3913:3912 3927:3926 4073:4072 " +
  "4090:4089 4097:4096 4192:4191 5039:5038 6150:4451 6151:4532 6152:4533 6153:4534 6155:4535 6157:4536"

const builtInElements = new Map(
  BUILT_IN_ARRAYS.split(" ").map((pair) => pair.split(":").map(Number) as [array: number, element: number])
)

/** The only built-in type whose arrays are not separated by commas. */
const BOX = 603

/** OIDs from here on are given by initdb, or to user-defined types (PostgreSQL docs, "System Catalog Initial Data"). */
const FIRST_UNKNOWN = 10_000

/** Most texts kept; generated ones must not fill the memory. */
const REMEMBERED = 1000

/** Longer texts are not kept, as in the pool's cache of statements. In UTF-16 code units. */
const MAX_TEXT_LENGTH = 4096

/** The arrays among some types: OID, OID of the element without its domains, delimiter. */
export const ARRAYS_QUERY = `with recursive base(oid, root) as (
  select oid, oid from pg_catalog.pg_type where typtype <> 'd'
  union all select d.oid, b.root from base b join pg_catalog.pg_type d on d.typbasetype = b.oid and d.typtype = 'd'
) select e.typarray::pg_catalog.int8, b.root::pg_catalog.int8, e.typdelim::pg_catalog.text
from pg_catalog.pg_type e join base b on b.oid = e.oid where e.typarray = any($1::pg_catalog.oid[])`

interface ArrayType {
  readonly element: number
  readonly delimiter: string
}

export class TypeCatalogue {
  /** Types of the database that were looked up; undefined for one that is no array. */
  private readonly lookedUp = new Map<number, ArrayType | undefined>()
  private readonly decoders = new Map<number, TextDecoder>()
  /** Statements whose columns can all be requested in the binary format. */
  private readonly binary = new Set<string>()

  /** Whether a type must be looked up before it can be decoded. */
  isUnknown(oid: number): boolean {
    return oid >= FIRST_UNKNOWN && !this.lookedUp.has(oid)
  }

  /** Adds the rows of `ARRAYS_QUERY` for these types. */
  learn(oids: ReadonlyArray<number>, rows: ReadonlyArray<ReadonlyArray<unknown>>): void {
    for (const oid of oids) this.lookedUp.set(oid, undefined)
    for (const [array, element, delimiter] of rows) {
      this.lookedUp.set(Number(array), { element: Number(element), delimiter: String(delimiter) })
    }
  }

  /** The decoder of a type in the text format. */
  decoder(oid: number): TextDecoder {
    let decoder = this.decoders.get(oid)
    if (decoder === undefined) {
      const array = this.arrayOf(oid)
      decoder = array === undefined ? textDecoder(oid) : arrayDecoder(this.decoder(array.element), array.delimiter)
      if (!this.isUnknown(oid)) this.decoders.set(oid, decoder)
    }
    return decoder
  }

  isBinary(text: string): boolean {
    return this.binary.has(text)
  }

  setBinary(text: string, isBinary: boolean): void {
    if (!isBinary) this.binary.delete(text)
    else if (text.length <= MAX_TEXT_LENGTH && !this.binary.has(text)) {
      if (this.binary.size === REMEMBERED) this.binary.clear()
      this.binary.add(text)
    }
  }

  private arrayOf(oid: number): ArrayType | undefined {
    const element = builtInElements.get(oid)
    return element === undefined ? this.lookedUp.get(oid) : { element, delimiter: element === BOX ? ";" : "," }
  }
}

/** The element of a built-in array that the driver reads in the binary format. */
export const binaryElement = (oid: number): number | undefined => {
  const element = builtInElements.get(oid)
  return element !== undefined && isBinaryScalar(element) ? element : undefined
}

/** Whether a type is read in the binary format. */
export const isBinary = (oid: number): boolean => isBinaryScalar(oid) || binaryElement(oid) !== undefined

/** The driver's codecs as they are, whatever an application has registered for all clients. */
export const plainTypes: PgTypes.Registry = PgTypes.makeRegistry()
