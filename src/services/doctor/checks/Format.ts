/** Times as results show them. */
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Below this many milliseconds one decimal is shown. */
const PRECISE_BELOW = 10

/** A time: `0.4 ms`, `24 ms`, `1.2 s`. */
export const formatMillis = (millis: number): string => {
  if (millis >= MILLIS_PER_SECOND) return `${(millis / MILLIS_PER_SECOND).toFixed(1)} s`
  return `${millis < PRECISE_BELOW ? millis.toFixed(1) : Math.round(millis)} ms`
}
