/** What an examination brings: one result per thing looked at, and a verdict. */
import * as Schema from "effect/Schema"

/** The version of the report's form; a field is only ever added within one. */
export const REPORT_VERSION = 1

/**
 * How a check ended. `info`: worth knowing, nothing to do. `warn`: works now, will hurt. `fail`: does not work.
 * `skip`: not looked at, because what it depends on failed or does not apply.
 */
export const Status = Schema.Literals(["pass", "info", "warn", "fail", "skip"])

export type Status = typeof Status.Type

/** What a person does next: a sentence that names the place to click, and commands that can be run as they are. */
export const Action = Schema.Struct({ text: Schema.String, commands: Schema.Array(Schema.String) })

export type Action = typeof Action.Type

/** One thing looked at. A check has one or several results. */
export const CheckResult = Schema.Struct({
  /** The check: one of `--list-checks`. */
  id: Schema.String,
  component: Schema.String,
  /** What was looked at; a project reference only by its last four characters. */
  target: Schema.String,
  status: Status,
  /** Milliseconds it took; null where nothing was waited for. */
  ms: Schema.NullOr(Schema.Number),
  details: Schema.String,
  /** Null where there is nothing to do. */
  action: Schema.NullOr(Action)
})

export type CheckResult = typeof CheckResult.Type

/** How the whole of it ended. `invalid`: the configuration cannot be used and nothing was attempted. */
export const Verdict = Schema.Struct({
  status: Schema.Literals(["healthy", "warnings", "failed", "invalid"]),
  text: Schema.String,
  failures: Schema.Number,
  warnings: Schema.Number
})

export type Verdict = typeof Verdict.Type

/** One examination, as `--json` prints it. */
export const Report = Schema.Struct({
  version: Schema.Literal(REPORT_VERSION),
  /** ISO 8601, UTC. */
  startedAt: Schema.String,
  /** Milliseconds the examination took. */
  ms: Schema.Number,
  verdict: Verdict,
  results: Schema.Array(CheckResult)
})

export type Report = typeof Report.Type
