/** Numbers and places as a result writes them. */
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Below this many milliseconds the first decimal tells something. */
const PRECISE_BELOW = 10

/** A time: `0.4 ms`, `24 ms`, `1.2 s`. */
export const formatMillis = (millis: number): string => {
  if (millis >= MILLIS_PER_SECOND) return `${(millis / MILLIS_PER_SECOND).toFixed(1)} s`
  return `${millis < PRECISE_BELOW ? millis.toFixed(1) : Math.round(millis)} ms`
}

/** The middle one; of an even number the lower of the two. Of nothing, 0. */
export const quantile = (times: ReadonlyArray<number>, share: number): number => {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

/** `host:port`, an IPv6 address in brackets. */
export const wordAddress = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
