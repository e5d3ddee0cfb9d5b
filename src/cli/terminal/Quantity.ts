/** Quantities with few digits and always a unit. */
import { MILLIS_PER_SECOND } from "../../services/errors/Units.ts"
import { wordMillis } from "../../services/errors/Wording.ts"

/** Smaller numbers have one decimal. */
const SMALL = 10

const NOT_MEASURED = "-"

const short = (value: number): string => {
  const rounded = Number(value.toFixed(1))
  return rounded < SMALL && rounded !== Math.round(rounded) ? rounded.toFixed(1) : Math.round(rounded).toString()
}

/** A duration as messages write it; `-` where nothing was measured. */
export const formatMillis = (millis: number | null | undefined): string =>
  millis === null || millis === undefined || !Number.isFinite(millis) ? NOT_MEASURED : wordMillis(millis)

export const formatSeconds = (seconds: number): string => formatMillis(seconds * MILLIS_PER_SECOND)

/** A rate, as `0.3/s`, `120/s`; `-` where nothing was measured. */
export const formatRate = (perSecond: number | null): string =>
  perSecond === null ? NOT_MEASURED : `${short(perSecond)}/s`

export const formatShare = (share: number): string => `${Math.round(share * 100)} %`
