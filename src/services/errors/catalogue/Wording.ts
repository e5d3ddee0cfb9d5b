import * as Duration from "effect/Duration"

/** From here on seconds are easier to read than milliseconds. */
const secondsFrom = 1_000

/** A time for a person: `4 ms`, `30.0 s`. */
export const wordMillis = (millis: number): string =>
  millis < secondsFrom ? `${Math.round(millis)} ms` : `${(millis / 1_000).toFixed(1)} s`

/** `host:port` for a person, also when the failure's reporter did not know it. */
export const wordEndpoint = (host: string, port: number): string => {
  if (host === "") return "the database"
  const bracketed = host.includes(":") ? `[${host}]` : host
  return port > 0 ? `${bracketed}:${port}` : bracketed
}

/** What the server said, with its SQLSTATE; empty when it said nothing. */
export const wordServer = (serverMessage: string | undefined, sqlState: string | undefined): string => {
  if (serverMessage === undefined) return sqlState === undefined ? "" : ` (SQLSTATE ${sqlState})`
  return `. The server said: ${serverMessage}${sqlState === undefined ? "" : ` (SQLSTATE ${sqlState})`}`
}

/** Milliseconds as a Duration, when there are any. */
export const toDuration = (millis: number | undefined): Duration.Duration | undefined =>
  millis === undefined ? undefined : Duration.millis(millis)
