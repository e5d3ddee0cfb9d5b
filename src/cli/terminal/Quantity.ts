/** Numbers as a person reads them at a glance: few digits, always with their unit. */
import {
  BYTES_PER_KIB,
  MILLIS_PER_DAY,
  MILLIS_PER_HOUR,
  MILLIS_PER_MINUTE,
  MILLIS_PER_SECOND
} from "../../services/errors/Units.ts"

/** Below this, one digit after the point is worth reading. */
const SMALL = 10

const NOTHING = "-"

const short = (value: number): string => {
  const rounded = Number(value.toFixed(1))
  return rounded < SMALL && rounded !== Math.round(rounded) ? rounded.toFixed(1) : Math.round(rounded).toString()
}

/** Milliseconds as `0.4 ms`, `12 ms`, `1.2 s`, `3 min`, `2 h 13 min`, `4 d 2 h`; `-` where nothing was measured. */
export const formatMillis = (millis: number | null | undefined): string => {
  if (millis === null || millis === undefined || !Number.isFinite(millis)) return NOTHING
  const rounded = Math.max(0, millis)
  if (Math.round(rounded) < MILLIS_PER_SECOND) return `${short(rounded)} ms`
  const whole = Math.round(rounded / MILLIS_PER_SECOND) * MILLIS_PER_SECOND
  if (whole < MILLIS_PER_MINUTE) return `${short(rounded / MILLIS_PER_SECOND)} s`
  if (whole < MILLIS_PER_HOUR) return `${Math.floor(whole / MILLIS_PER_MINUTE)} min`
  if (whole < MILLIS_PER_DAY) {
    return `${Math.floor(whole / MILLIS_PER_HOUR)} h ${Math.floor((whole % MILLIS_PER_HOUR) / MILLIS_PER_MINUTE)} min`
  }
  return `${Math.floor(whole / MILLIS_PER_DAY)} d ${Math.floor((whole % MILLIS_PER_DAY) / MILLIS_PER_HOUR)} h`
}

/** Whole seconds, in the same words. */
export const formatSeconds = (seconds: number): string => formatMillis(seconds * MILLIS_PER_SECOND)

/** Bytes in binary steps, as `512 B`, `8.5 MiB`. */
export const formatBytes = (bytes: number): string => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const
  let value = bytes
  let unit = 0
  while (value >= BYTES_PER_KIB && unit < units.length - 1) {
    value /= BYTES_PER_KIB
    unit += 1
  }
  return `${short(value)} ${units[unit]}`
}

/** How often in a second, as `0.3/s`, `120/s`. */
export const formatRate = (perSecond: number | null | undefined): string =>
  perSecond === null || perSecond === undefined ? NOTHING : `${short(perSecond)}/s`

/** A share of one core in per cent, as `3 %`. */
export const formatShare = (share: number): string => `${Math.round(share * 100)} %`
