/** Numbers, durations and times as texts. Durations have the format of the server's messages (`wordMillis`). */

export const MILLIS_PER_SECOND = 1000
const MINUTE = 60 * MILLIS_PER_SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KIBI = 1024
const PERCENT = 100

/** Shown where nothing was measured. */
export const NOTHING = "–"

/** Below these bounds a number has two decimals, and one. */
const HUNDREDTHS_BELOW = 1
const TENTHS_BELOW = 10

/** @param {number} value */
const rounded = (value) => value.toFixed(value < HUNDREDTHS_BELOW ? 2 : value < TENTHS_BELOW ? 1 : 0)

// A whole number with thin spaces between thousands, the same in every locale.
/** @param {number} value */
export const count = (value) => String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, "\u202f")

/** @param {number} value */
export const decimal = (value) => (value === 0 ? "0" : value < PERCENT ? rounded(value) : count(value))

/** @param {number} value */
const two = (value) => String(value).padStart(2, "0")

// A duration in milliseconds, as in `0.42 ms`, `420 ms`, `4.2 s`, `3m 20s`, `2h 05m`, `3d 04h`.
/** @param {number | null | undefined} millis */
export const duration = (millis) => {
  if (millis === null || millis === undefined) return NOTHING
  if (millis <= 0) return "0 ms"
  if (millis < MILLIS_PER_SECOND - 0.5) return `${rounded(millis)} ms`
  if (millis < MINUTE - 0.5 * MILLIS_PER_SECOND)
    return `${(millis / MILLIS_PER_SECOND).toFixed(millis < 10 * MILLIS_PER_SECOND ? 1 : 0)} s`
  const whole = Math.round(millis / MILLIS_PER_SECOND) * MILLIS_PER_SECOND
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${two((whole % MINUTE) / MILLIS_PER_SECOND)}s`
  if (whole < DAY) return `${Math.floor(whole / HOUR)}h ${two(Math.floor((whole % HOUR) / MINUTE))}m`
  return `${Math.floor(whole / DAY)}d ${two(Math.floor((whole % DAY) / HOUR))}h`
}

// A duration in whole seconds, for values that change every second.
/** @param {number | null | undefined} millis */
export const age = (millis) =>
  millis === null || millis === undefined
    ? NOTHING
    : millis < MINUTE
      ? `${Math.max(0, Math.floor(millis / MILLIS_PER_SECOND))} s`
      : duration(Math.floor(millis / MILLIS_PER_SECOND) * MILLIS_PER_SECOND)

// Bytes, as in `84 MiB`.
/** @param {number} value */
export const bytes = (value) => {
  const units = ["B", "KiB", "MiB", "GiB"]
  let rest = value
  let unit = 0
  while (rest >= KIBI && unit < units.length - 1) {
    rest /= KIBI
    unit += 1
  }
  return `${decimal(rest)} ${units[unit]}`
}

// A share as percent, as in `12 %`.
/** @param {number} share */
export const percent = (share) => `${decimal(share * PERCENT)} %`

// The local time of day, as in `12:03:10`.
/** @param {number} at */
export const clock = (at) => {
  const date = new Date(at)
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

// A count with its noun, as in `1 session`, `3 sessions`.
/** @type {(value: number, noun: string) => string} */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`
