/** Factors between units of time and size. */

export const MILLIS_PER_SECOND = 1000
export const MILLIS_PER_MINUTE = 60_000
export const MILLIS_PER_HOUR = 3_600_000
export const MILLIS_PER_DAY = 86_400_000
export const MICROS_PER_MILLI = 1000
export const NANOS_PER_MILLI = 1e6
export const NANOS_PER_SECOND = 1e9
export const BYTES_PER_KIB = 1024
