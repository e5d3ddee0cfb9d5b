/** Reads single values, from text and from code, within the same bounds. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { type DurationProblem, parseDuration } from "./Durations.ts"

/** Why a value is refused. */
export type ValueProblem = DurationProblem

/**
 * Reads one value: `fromText` from the environment, `fromCode` from an application's code.
 *
 * `I` is the type that code should give; every reader also refuses values of other types, because JavaScript does not
 * check them.
 */
export interface Reader<A, I = A> {
  readonly fromText: (text: string) => Result.Result<A, ValueProblem>
  readonly fromCode: (value: I) => Result.Result<A, ValueProblem>
}

/** A whole number within bounds, both included. */
export const integer = (minimum: number, maximum: number): Reader<number> => {
  const expected = `an integer ${minimum}–${maximum}`
  const fromCode = (value: number): Result.Result<number, ValueProblem> =>
    Number.isInteger(value) && value >= minimum && value <= maximum ? Result.succeed(value) : Result.fail({ expected })
  return { fromCode, fromText: (text) => fromCode(/^\d+$/.test(text) ? Number(text) : Number.NaN) }
}

/** One of a few words; the case of text does not matter. */
export const choice = <const A extends string>(options: ReadonlyArray<A>): Reader<A> => {
  const expected = `one of ${options.join(", ")}`
  const find = (value: unknown): Result.Result<A, ValueProblem> => {
    const found = options.find((option) => option === value)
    return found === undefined ? Result.fail({ expected }) : Result.succeed(found)
  }
  return { fromCode: find, fromText: (text) => find(text.toLowerCase()) }
}

/** A text that a check accepts; the check returns why not. */
export const text = (check: (value: string) => ValueProblem | undefined): Reader<string> => {
  const fromText = (value: string): Result.Result<string, ValueProblem> => {
    const refusal = check(value)
    return refusal === undefined ? Result.succeed(value) : Result.fail(refusal)
  }
  return {
    fromText,
    fromCode: (value) => (typeof value === "string" ? fromText(value) : Result.fail({ expected: "a text" }))
  }
}

/** The limit of PostgreSQL's integer settings and of Node's timers: 2^31 - 1 milliseconds, almost 25 days. */
const longestMillis = 2_147_483_647

/** A duration within bounds, in whole milliseconds: the resolution of PostgreSQL's timeouts and Node's timers. */
const durationOf = (millis: number, least: string): Result.Result<Duration.Duration, ValueProblem> => {
  if (Number.isNaN(millis) || millis < 1) return Result.fail({ expected: least })
  return millis > longestMillis
    ? Result.fail({ expected: `at most ${longestMillis}ms (almost 25 days)` })
    : Result.succeed(Duration.millis(millis))
}

/** Effect reads NaN as zero, which would silently turn a setting off. */
const fromInput = (input: Duration.Input): Result.Result<Duration.Duration, ValueProblem> =>
  Option.match(Number.isNaN(input) ? Option.none() : Duration.fromInput(input), {
    onNone: () => Result.fail({ expected: `a Duration.Input such as "5 minutes", or milliseconds as a number` }),
    onSome: Result.succeed
  })

const durationWith = <A>(
  bound: (value: Duration.Duration) => Result.Result<A, ValueProblem>
): Reader<A, Duration.Input> => ({
  fromText: (text) => Result.flatMap(parseDuration(text), bound),
  fromCode: (input) => Result.flatMap(fromInput(input), bound)
})

/** A duration of at least 1 ms: PostgreSQL reads 0 as "no timeout" (PostgreSQL docs, runtime-config-client). */
export const duration: Reader<Duration.Duration, Duration.Input> = durationWith((value) =>
  durationOf(Math.round(Duration.toMillis(value)), "more than 0: every wait has a bound")
)

/** A duration of at least 1 ms, or zero, which turns the setting off and is read as undefined. */
export const durationOrOff: Reader<Duration.Duration | undefined, Duration.Input> = durationWith((value) =>
  Duration.isZero(value)
    ? Result.succeed(undefined)
    : durationOf(Math.round(Duration.toMillis(value)), "at least 1ms, or 0 for off")
)
