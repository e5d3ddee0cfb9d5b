import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import type { ErrorClass } from "./Entry.ts"
import { counted, sentence } from "../Wording.ts"

/** One wrong setting. */
export interface SettingProblem {
  readonly name: string
  /** The given value as it may be shown; undefined when there was none. */
  readonly received: string | undefined
  readonly expected: string
  readonly remedy?: string | undefined
  readonly example?: string | undefined
}

/** Widest column of names; a longer name is followed by two blanks instead of widening every line. */
const widestColumn = 40

const wordExpected = (expected: string): string =>
  /^(must|expected|use|is) /.test(expected) ? expected : `expected ${expected}`

const explain = (problem: SettingProblem): string => {
  const extra = [
    ...(problem.remedy === undefined ? [] : [sentence(problem.remedy)]),
    ...(problem.example === undefined ? [] : [`Looks like ${problem.example}`])
  ]
  const what =
    problem.received === undefined ? `missing, ${wordExpected(problem.expected)}` : wordExpected(problem.expected)
  return extra.length === 0 ? what : `${sentence(what)} ${extra.join(" ")}`
}

const subject = (problem: SettingProblem): string =>
  problem.received === undefined ? problem.name : `${problem.name} = ${JSON.stringify(problem.received)}`

/** The settings cannot be used; all problems are listed. */
export class ConfigurationInvalid extends Schema.TaggedError<ConfigurationInvalid>(
  "effect-supavisor/SessionError/ConfigurationInvalid"
)("ConfigurationInvalid", {
  problems: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      received: Schema.UndefinedOr(Schema.String),
      expected: Schema.String,
      remedy: Schema.optional(Schema.String),
      example: Schema.optional(Schema.String)
    })
  )
}) {
  override get message(): string {
    const width = Math.min(widestColumn, Math.max(0, ...this.problems.map((problem) => subject(problem).length)))
    return [
      `Invalid configuration (${counted(this.problems.length, "problem")})`,
      ...this.problems.map((problem) => `  ✗ ${subject(problem).padEnd(width)}  ${explain(problem)}`)
    ].join("\n")
  }
  get code(): string {
    return "CONFIGURATION_INVALID"
  }
  get class(): ErrorClass {
    return "configuration"
  }
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): Duration.Duration | undefined {
    return undefined
  }
  get remedy(): string {
    return "Correct the listed settings and start again."
  }
}
