/**
 * How a single value is read, from text and from code, with one set of bounds for both.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type DurationProblem, parseDuration } from "./Durations.ts"

/** Why a value is refused. */
export type Refusal = DurationProblem

/** Reads one value: `fromText` for the environment, `fromCode` for a field given by an application. */
export interface Reader<A> {
  readonly fromText: (text: string) => Result.Result<A, Refusal>
  readonly fromCode: (value: unknown) => Result.Result<A, Refusal>
}

/** A whole number within bounds, both included. */
export const integer = (minimum: number, maximum: number): Reader<number> => {
  const expected = `an integer ${minimum}–${maximum}`
  const fromCode = (value: unknown): Result.Result<number, Refusal> =>
    typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum
      ? Result.succeed(value)
      : Result.fail({ expected })
  return { fromCode, fromText: (text) => fromCode(/^\d+$/.test(text) ? Number(text) : undefined) }
}

/** One of a few words; text is read without regard to case. */
export const choice = <const A extends string>(options: ReadonlyArray<A>): Reader<A> => {
  const expected = `one of ${options.join(", ")}`
  const find = (value: unknown): Result.Result<A, Refusal> => {
    const found = options.find((option) => option === value)
    return found === undefined ? Result.fail({ expected }) : Result.succeed(found)
  }
  return { fromCode: find, fromText: (text) => find(text.toLowerCase()) }
}

/** A text that a check accepts; the check returns why not. */
export const text = (check: (value: string) => Refusal | undefined): Reader<string> => {
  const fromText = (value: string): Result.Result<string, Refusal> => {
    const refusal = check(value)
    return refusal === undefined ? Result.succeed(value) : Result.fail(refusal)
  }
  return {
    fromText,
    fromCode: (value) => (typeof value === "string" ? fromText(value) : Result.fail({ expected: "a text" }))
  }
}

/** Where PostgreSQL's integer settings and Node's timers end: 2^31 - 1 milliseconds, almost 25 days. */
const longestMillis = 2_147_483_647

/**
 * A bounded span of time, rounded to whole milliseconds, the resolution of PostgreSQL's timeouts and Node's timers.
 *
 * Zero means off where `zero` says so; elsewhere anything under 1 ms is refused, because PostgreSQL reads it as "no
 * timeout" (PostgreSQL docs, runtime-config-client).
 */
export const duration = (zero: "off" | "refused"): Reader<Duration.Duration> => {
  const bound = (value: Duration.Duration): Result.Result<Duration.Duration, Refusal> => {
    const millis = Math.round(Duration.toMillis(value))
    if (Duration.isZero(value) && zero === "off") return Result.succeed(Duration.zero)
    if (Number.isNaN(millis) || millis < 1) {
      return Result.fail({
        expected: zero === "off" ? "at least 1ms, or 0 for off" : "more than 0: every wait has a bound"
      })
    }
    return millis > longestMillis
      ? Result.fail({ expected: `at most ${longestMillis}ms (almost 25 days)` })
      : Result.succeed(Duration.millis(millis))
  }
  return {
    fromText: (value) => Result.flatMap(parseDuration(value), bound),
    fromCode: (value) => {
      // Effect reads NaN as zero, which would silently turn a setting off
      const input =
        typeof value === "number" && Number.isNaN(value) ? Option.none() : Duration.fromInput(value as Duration.Input)
      return Option.match(input, {
        onNone: () => Result.fail({ expected: `a Duration.Input such as "5 minutes", or milliseconds as a number` }),
        onSome: bound
      })
    }
  }
}
