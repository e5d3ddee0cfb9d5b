/** Formats durations, sizes and shares. */
import {
  BYTES_PER_KIB,
  MILLIS_PER_DAY,
  MILLIS_PER_HOUR,
  MILLIS_PER_MINUTE,
  MILLIS_PER_SECOND
} from "../../errors/Units.ts"

const spans = [
  ["d", MILLIS_PER_DAY],
  ["h", MILLIS_PER_HOUR],
  ["min", MILLIS_PER_MINUTE],
  ["s", MILLIS_PER_SECOND]
] as const

/** Below this many seconds one decimal is shown. */
const TENTHS_BELOW_SECONDS = 10

/** A duration in its two largest units: `850 ms`, `4.2 s`, `3 min 20 s`, `2 d 5 h`. */
export const formatSpan = (millis: number): string => {
  if (millis < MILLIS_PER_SECOND) return `${Math.max(0, Math.round(millis))} ms`
  if (millis < TENTHS_BELOW_SECONDS * MILLIS_PER_SECOND) return `${Number((millis / MILLIS_PER_SECOND).toFixed(1))} s`
  const rounded = Math.round(millis / MILLIS_PER_SECOND) * MILLIS_PER_SECOND
  const at = spans.findIndex(([, length]) => rounded >= length)
  const parts: Array<string> = []
  let rest = rounded
  for (const [unit, length] of spans.slice(at, at + 2)) {
    const whole = Math.floor(rest / length)
    if (whole > 0) parts.push(`${whole} ${unit}`)
    rest -= whole * length
  }
  return parts.join(" ")
}

const sizeUnits = ["kB", "MB", "GB", "TB", "PB"] as const

/** Below this one decimal is shown. */
const TENTHS_BELOW = 10

/** A size with the units of `pg_size_pretty`: `512 B`, `8 kB`, `1.5 GB`. */
export const formatBytes = (bytes: number): string => {
  if (bytes < BYTES_PER_KIB) return `${Math.round(bytes)} B`
  let amount = bytes / BYTES_PER_KIB
  let unit = 0
  // Rounded up to 1024 it belongs to the next unit.
  while (Math.round(amount) >= BYTES_PER_KIB && unit < sizeUnits.length - 1) {
    amount /= BYTES_PER_KIB
    unit += 1
  }
  return `${Number(amount.toFixed(amount < TENTHS_BELOW ? 1 : 0))} ${sizeUnits[unit]}`
}

const WHOLE = 100

/** A fraction of 1 in percent: `94 %`, `99.5 %`. */
export const formatPercent = (share: number): string => `${Number((share * WHOLE).toFixed(1))} %`
