/** Times, addresses, counts and lists as messages write them. */
import * as Duration from "effect/Duration"
import { MILLIS_PER_SECOND } from "./Units.ts"

/** A time: `4 ms`, `30.0 s`. */
export const wordMillis = (millis: number): string =>
  millis < MILLIS_PER_SECOND ? `${Math.round(millis)} ms` : `${(millis / MILLIS_PER_SECOND).toFixed(1)} s`

/** `host:port`, an IPv6 address in brackets; "the database" when the host is unknown. */
export const wordEndpoint = (host: string, port: number): string => {
  if (host === "") return "the database"
  const bracketed = host.includes(":") ? `[${host}]` : host
  return port > 0 ? `${bracketed}:${port}` : bracketed
}

/** The server's message with its SQLSTATE; empty when there is neither. */
export const wordServer = (serverMessage: string | undefined, sqlState: string | undefined): string => {
  if (serverMessage === undefined) return sqlState === undefined ? "" : ` (SQLSTATE ${sqlState})`
  return `. The server said: ${serverMessage}${sqlState === undefined ? "" : ` (SQLSTATE ${sqlState})`}`
}

/** Milliseconds as a Duration, when there are any. */
export const toDuration = (millis: number | undefined): Duration.Duration | undefined =>
  millis === undefined ? undefined : Duration.millis(millis)

/** Adds the full stop to a text that has no punctuation mark at its end. */
export const sentence = (text: string): string => (text === "" || /[.!?]$/.test(text) ? text : `${text}.`)

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
