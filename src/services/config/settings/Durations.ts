/** Reads and writes durations as they appear in an environment. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** Why a text is no duration, and a correction if one is known. */
export interface DurationProblem {
  readonly expected: string
  readonly remedy?: string
}

const nanosPer = {
  millisecond: 1_000_000n,
  second: 1_000_000_000n,
  minute: 60_000_000_000n,
  hour: 3_600_000_000_000n,
  day: 86_400_000_000_000n,
  week: 604_800_000_000_000n
}

/** Effect's, PostgreSQL's and everyday spellings. No months or years: their length is not fixed. */
const units = new Map<string, bigint>(
  (
    [
      [1n, "ns nano nanos"],
      [1_000n, "us micro micros"],
      [nanosPer.millisecond, "ms msec msecs milli millis millisecond milliseconds"],
      [nanosPer.second, "s sec secs second seconds"],
      [nanosPer.minute, "m min mins minute minutes"],
      [nanosPer.hour, "h hr hrs hour hours"],
      [nanosPer.day, "d day days"],
      [nanosPer.week, "w week weeks"]
    ] as const
  ).flatMap(([nanos, names]) => names.split(" ").map((name) => [name, nanos] as const))
)

/** 10000 s is almost three hours, longer than any sensible timeout; 10000 ms of node-postgres are 10 s. */
const suspiciousBareNumber = 10_000

/** Bounds the cost of the exact arithmetic; no duration needs more characters. */
const longestText = 80

/** The accepted forms, for messages. */
const accepted = "a duration such as 300, 300s, 5m, 300000ms, 5 minutes or PT5M (a bare number is seconds)"

const bareNumber = /^\d+(?:\.\d+)?$/
const piece = /(\d+)(?:\.(\d+))?\s*([a-z]+)/gi
const pieces = /^(?:\d+(?:\.\d+)?\s*[a-z]+\s*)+$/i

const toNanos = (whole: string, fraction: string, unit: bigint): bigint =>
  (BigInt(whole + fraction) * unit) / 10n ** BigInt(fraction.length)

const fromNanos = (nanos: bigint): Duration.Duration => {
  const millis = Number(nanos / nanosPer.millisecond)
  return nanos % nanosPer.millisecond === 0n && Number.isSafeInteger(millis)
    ? Duration.millis(millis)
    : Duration.nanos(nanos)
}

const refuse = (expected: string, remedy?: string): Result.Result<never, DurationProblem> =>
  Result.fail(remedy === undefined ? { expected } : { expected, remedy })

const fromBareNumber = (text: string): Result.Result<Duration.Duration, DurationProblem> => {
  if (Number(text) >= suspiciousBareNumber) {
    const [whole = "0"] = text.split(".")
    return refuse(
      "a duration; this looks like milliseconds, but a bare number is seconds",
      `Write ${formatDuration(Duration.millis(Number(whole)))} or ${whole}ms, or ${whole}s if seconds are meant`
    )
  }
  const [whole = "0", fraction = ""] = text.split(".")
  return Result.succeed(fromNanos(toNanos(whole, fraction, nanosPer.second)))
}

const fromPieces = (text: string): Result.Result<Duration.Duration, DurationProblem> => {
  let total = 0n
  for (const [, whole = "0", fraction = "", name = ""] of text.matchAll(piece)) {
    const unit = units.get(name.toLowerCase())
    if (unit === undefined) {
      return refuse(accepted, `The unit "${name}" is not known: use ms, s, m, h or d`)
    }
    total += toNanos(whole, fraction, unit)
  }
  return Result.succeed(fromNanos(total))
}

/**
 * Reads a duration: `300` (seconds), `300s`, `5m`, `300000ms`, `5 minutes`, `1.5s`, `1h 30m` or ISO 8601 `PT5M`.
 *
 * Bare numbers are seconds. Refused with the reason: a bare number from 10000 on, because it looks like the
 * milliseconds that node-postgres takes; negative values; `NaN`; `Infinity`, because every wait has a bound.
 * Zero is read as zero: whether it is allowed depends on the setting.
 */
export const parseDuration = (text: string): Result.Result<Duration.Duration, DurationProblem> => {
  const trimmed = text.trim()
  if (trimmed.length > longestText) return refuse(accepted)
  if (/^[+-]?inf(?:inity|inite)?$/i.test(trimmed)) return refuse(`a bounded duration: ${accepted}`)
  if (/^(?:-\s*[\d.p]|p.*-)/i.test(trimmed)) return refuse(`a duration that is not negative: ${accepted}`)
  if (bareNumber.test(trimmed)) return fromBareNumber(trimmed)
  if (pieces.test(trimmed)) return fromPieces(trimmed)
  return Option.match(Duration.fromIso(trimmed.toUpperCase()), {
    onNone: () => refuse(accepted),
    onSome: (duration) => Result.succeed(duration)
  })
}

const formats: ReadonlyArray<readonly [unit: bigint, suffix: string]> = [
  [nanosPer.hour, "h"],
  [nanosPer.minute, "m"],
  [nanosPer.second, "s"],
  [nanosPer.millisecond, "ms"],
  [1n, "ns"]
]

/**
 * Writes a duration in the largest unit that divides it: `30m`, `90s`, `1500ms`, `0s`.
 *
 * `parseDuration` reads back every finite duration that is not negative.
 */
export const formatDuration = (duration: Duration.Duration): string => {
  const nanos = Option.getOrUndefined(Duration.toNanos(duration))
  if (nanos === undefined) return Duration.format(duration)
  if (nanos === 0n) return "0s"
  const [unit, suffix] = formats.find(([size]) => nanos % size === 0n) ?? [1n, "ns"]
  return `${nanos / unit}${suffix}`
}
