/** Times, addresses, counts and lists as messages write them. */
import * as Duration from "effect/Duration"
import { BYTES_PER_KIB, MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, MILLIS_PER_SECOND } from "./Units.ts"

const twoDigits = (value: number): string => String(Math.floor(value)).padStart(2, "0")

/** A duration: `0 ms`, `0.42 ms`, `420 ms`, `4.2 s`, `42 s`, `3m 20s`, `2h 05m`, `3d 04h`; the page's format too. */
export const wordMillis = (millis: number): string => {
  if (millis <= 0) return "0 ms"
  if (millis < MILLIS_PER_SECOND - 0.5) return `${millis.toFixed(millis < 1 ? 2 : millis < 10 ? 1 : 0)} ms`
  const seconds = millis / MILLIS_PER_SECOND
  if (seconds < 59.5) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const whole = Math.round(seconds) * MILLIS_PER_SECOND
  if (whole < MILLIS_PER_HOUR) {
    return `${Math.floor(whole / MILLIS_PER_MINUTE)}m ${twoDigits((whole % MILLIS_PER_MINUTE) / MILLIS_PER_SECOND)}s`
  }
  if (whole < MILLIS_PER_DAY) {
    return `${Math.floor(whole / MILLIS_PER_HOUR)}h ${twoDigits((whole % MILLIS_PER_HOUR) / MILLIS_PER_MINUTE)}m`
  }
  return `${Math.floor(whole / MILLIS_PER_DAY)}d ${twoDigits((whole % MILLIS_PER_DAY) / MILLIS_PER_HOUR)}h`
}

/** A size in binary units: `512 B`, `8 KiB`, `1.5 GiB`; the page's format too. */
export const wordBytes = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const
  let amount = bytes
  let unit = 0
  // Rounded up to 1024 it belongs to the next unit.
  while (Math.round(amount) >= BYTES_PER_KIB && unit < units.length - 1) {
    amount /= BYTES_PER_KIB
    unit += 1
  }
  return `${Number(amount.toFixed(unit > 0 && amount < 10 ? 1 : 0))} ${units[unit]}`
}

/** A fraction of 1 in percent: `94 %`, `99.5 %`. */
export const wordShare = (share: number): string => `${Number((share * 100).toFixed(1))} %`

/** `host:port`, an IPv6 address in brackets; "the database" when the host is unknown. */
export const wordEndpoint = (host: string, port: number): string => {
  if (host === "") return "the database"
  const bracketed = host.includes(":") ? `[${host}]` : host
  return port > 0 ? `${bracketed}:${port}` : bracketed
}

/** The server's message with its SQLSTATE; empty when there is neither. */
export const wordServer = (serverMessage: string | undefined, sqlState: string | undefined): string => {
  if (serverMessage === undefined) return sqlState === undefined ? "" : ` (SQLSTATE ${sqlState})`
  return `. Server message: ${serverMessage}${sqlState === undefined ? "" : ` (SQLSTATE ${sqlState})`}`
}

/** Milliseconds as a Duration, when there are any. */
export const toDuration = (millis: number | undefined): Duration.Duration | undefined =>
  millis === undefined ? undefined : Duration.millis(millis)

/** Adds the full stop to a text that has no punctuation mark at its end. */
export const sentence = (text: string): string => (text === "" || /[.!?]$/.test(text) ? text : `${text}.`)

/** Texts of which some may not apply: `count > 0 && "There are some."`. */
export type OptionalTexts = ReadonlyArray<string | false>

/** The texts that apply. */
export const given = (texts: OptionalTexts): ReadonlyArray<string> => texts.filter((text) => text !== false)

/** `1 session`, `2 sessions`; the plural is given where it is not the singular with an "s". */
export const counted = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`

/** `a, b and c`. */
export const listed = (items: ReadonlyArray<string>): string =>
  items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`

/** The first few of a long list and the number of the others: `a, b, c and 2 more`, `a; b; c; and 2 more`. */
export const firstFew = (items: ReadonlyArray<string>, separator: ", " | "; " = ", ", most = 3): string => {
  const rest = items.length - most
  const shown = items.slice(0, most).join(separator)
  return rest > 0 ? `${shown}${separator === ", " ? "" : ";"} and ${rest} more` : shown
}
