/**
 * Values from PostgreSQL's text format, the same as the driver has from the binary format. A type that is not listed is
 * the text that psql shows.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"

const { OID } = PgTypes

export type TextDecoder = (text: string) => unknown

const unreadable = (what: string): PgTypes.CodecError =>
  new PgTypes.CodecError({ message: `${what} is not in the form of DateStyle ISO and IntervalStyle postgres` })

const asText: TextDecoder = (text) => text

const INFINITIES: Readonly<Record<string, number>> = { infinity: Infinity, "-infinity": -Infinity }

const TIMESTAMP =
  /^(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?$/

const microsOf = (fraction: string | undefined): number => Number((fraction ?? "").padEnd(6, "0"))

/** Milliseconds between the epochs of Unix and PostgreSQL. */
const POSTGRES_EPOCH = Date.UTC(2000, 0, 1)

/** A Date cut to milliseconds as the driver does it, towards the year 2000; infinities; text beyond the range of Date. */
const timestamp: TextDecoder = (text) => {
  const infinity = INFINITIES[text]
  if (infinity !== undefined) return infinity
  const found = TIMESTAMP.exec(text)
  if (found === null) throw unreadable("a timestamp")
  const [, year, month, day, hours, minutes, seconds, fraction, sign, ...zone] = found
  const [zoneHours = 0, zoneMinutes = 0, zoneSeconds = 0] = zone.slice(0, 3).map((part) => Number(part ?? 0))
  const offset = (zoneHours * 3600 + zoneMinutes * 60 + zoneSeconds) * (sign === "-" ? -1 : 1)
  const date = new Date(0)
  date.setUTCFullYear(zone[3] === undefined ? Number(year) : 1 - Number(year), Number(month) - 1, Number(day))
  const whole = date.getTime() + (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) - offset) * 1000
  const micros = microsOf(fraction)
  const millis = whole < POSTGRES_EPOCH ? Math.ceil(micros / 1000) : Math.floor(micros / 1000)
  const value = new Date(whole + millis)
  return Number.isNaN(value.getTime()) ? text : value
}

const INTERVAL =
  /^(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/

const interval: TextDecoder = (text) => {
  const infinity = INFINITIES[text]
  if (infinity !== undefined) return infinity
  const found = INTERVAL.exec(text)
  if (found === null || text === "") throw unreadable("an interval")
  const [, years = 0, months = 0, days = 0, sign, hours = 0, minutes = 0, seconds = 0, fraction] = found
  const micros =
    (BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds)) * 1_000_000n + BigInt(microsOf(fraction))
  return {
    months: Number(years) * 12 + Number(months),
    days: Number(days),
    microseconds: sign === "-" ? -micros : micros
  }
}

const TIME = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/

const time: TextDecoder = (text) => {
  const found = TIME.exec(text)
  if (found === null) throw unreadable("a time")
  const [, hours, minutes, seconds, fraction] = found
  return BigInt((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000_000 + microsOf(fraction))
}

const date: TextDecoder = (text) => {
  if (!/^(?:-?infinity|\d{4,}-\d\d-\d\d(?: BC)?)$/.test(text)) throw unreadable("a date")
  return text
}

/** In hex, or in the older escape format, where a byte is a backslash and three octal digits. */
const bytea: TextDecoder = (text) =>
  new Uint8Array(
    text.startsWith(String.raw`\x`)
      ? Buffer.from(text.slice(2), "hex")
      : Buffer.from(
          text.replaceAll(/\\(\\|\d{3})/g, (_, code: string) =>
            code === "\\" ? code : String.fromCharCode(Number.parseInt(code, 8))
          ),
          "latin1"
        )
  )

/** The types with a value of their own, which the driver reads in the binary format. */
const decoders = new Map<number, TextDecoder>([
  [OID.bool, (text) => text === "t"],
  [OID.int2, Number],
  [OID.int4, Number],
  [OID.oid, Number],
  [OID.float8, Number],
  [OID.float4, (text) => Math.fround(Number(text))],
  [OID.int8, BigInt],
  [OID.json, JSON.parse as TextDecoder],
  [OID.jsonb, JSON.parse as TextDecoder],
  [OID.timestamp, timestamp],
  [OID.timestamptz, timestamp],
  [OID.interval, interval],
  [OID.time, time],
  [OID.date, date],
  [OID.bytea, bytea],
  [OID.name, asText],
  [OID.text, asText],
  [OID.bpchar, asText],
  [OID.varchar, asText],
  [OID.numeric, asText],
  [OID.uuid, asText]
])

/** Whether the driver reads a type that is no array in the binary format, as psql shows it. */
export const isBinaryScalar = (oid: number): boolean => decoders.has(oid)

/** The decoder of a type that is no array. */
export const textDecoder = (oid: number): TextDecoder => decoders.get(oid) ?? asText

/** An array in text: nested as its dimensions are; bounds such as `[0:1]=` have no place in JavaScript. */
export const arrayDecoder = (element: TextDecoder, delimiter: string): TextDecoder => {
  const token = new RegExp(String.raw`\{|\}|${delimiter}|"((?:[^"\\]|\\[^])*)"|((?:[^{}"\\${delimiter}]|\\[^])+)`, "gy")
  return (text) => {
    token.lastIndex = text.startsWith("[") ? text.indexOf("=") + 1 : 0
    const root: Array<unknown> = []
    const open = [root]
    for (let found = token.exec(text); found !== null; found = token.exec(text)) {
      const [sign, quoted, plain] = found
      const innermost = open.at(-1)!
      if (quoted !== undefined) innermost.push(element(quoted.replaceAll(/\\([^])/g, "$1")))
      else if (plain !== undefined) {
        innermost.push(plain === "NULL" ? null : element(plain.replaceAll(/\\([^])/g, "$1")))
      } else if (sign === "{") {
        const nested: Array<unknown> = []
        innermost.push(nested)
        open.push(nested)
      } else if (sign === "}") open.pop()
    }
    return root[0] ?? []
  }
}
