/** What an context brings: one result per thing looked at, and a verdict. */
import * as Schema from "effect/Schema"
import { counted, listed } from "../../errors/Wording.ts"

/** The one line at the end. */
const componentsWith = (results: ReadonlyArray<CheckResult>, status: CheckResult["status"]): ReadonlyArray<string> => [
  ...new Set(results.filter((result) => result.status === status).map(({ component }) => component))
]

const wordSkipped = (results: ReadonlyArray<CheckResult>): string => {
  const skipped = new Set(results.filter(({ status }) => status === "skip").map(({ id }) => id)).size
  return skipped === 0 ? "" : ` ${counted(skipped, "check")} skipped.`
}

/** Whether sessions can be opened, as far as was looked. */
const wordSessions = (results: ReadonlyArray<CheckResult>): string => {
  const login = results.find(({ id }) => id === "login")
  if (login === undefined || login.status === "skip") return ""
  const proof = results.find(({ id }) => id === "session")
  if (login.status === "fail") return " No session can be opened."
  return proof?.status === "fail" ? " Logins work, sessions are not kept." : " Sessions can be opened."
}

/** Sums up the results. `attempted` is false when the configuration kept everything else from being tried. */
export const verdictOf = (results: ReadonlyArray<CheckResult>, attempted: boolean): DoctorVerdict => {
  const failures = results.filter(({ status }) => status === "fail").length
  const warnings = results.filter(({ status }) => status === "warn").length
  if (!attempted) {
    const text = `The configuration cannot be used (${counted(failures, "problem")}); nothing was attempted.`
    return { status: "invalid", text, failures, warnings }
  }
  const tail = `${wordSessions(results)}${wordSkipped(results)}`
  if (failures > 0) {
    const also = warnings === 0 ? "" : `, ${counted(warnings, "warning")}`
    const where = listed(componentsWith(results, "fail"))
    return { status: "failed", text: `${counted(failures, "failure")}${also}: ${where}.${tail}`, failures, warnings }
  }
  if (warnings > 0) {
    const where = listed(componentsWith(results, "warn"))
    return { status: "warnings", text: `${counted(warnings, "warning")}: ${where}.${tail}`, failures, warnings }
  }
  return {
    status: "healthy",
    text: `All ${counted(results.length, "result")} are in order.${tail}`,
    failures,
    warnings
  }
}

/** The version of the report's form; a field is only ever added within one. */
export const DOCTOR_REPORT_VERSION = 1

/**
 * How a check ended. `info`: worth knowing, nothing to do. `warn`: works now, will hurt. `fail`: does not work.
 * `skip`: not looked at, because what it depends on failed or does not apply.
 */
export const CheckStatus = Schema.Literals(["pass", "info", "warn", "fail", "skip"])

export type CheckStatus = typeof CheckStatus.Type

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
  status: CheckStatus,
  /** Milliseconds it took; null where nothing was waited for. */
  ms: Schema.NullOr(Schema.Number),
  details: Schema.String,
  /** Null where there is nothing to do. */
  action: Schema.NullOr(Action)
})

export type CheckResult = typeof CheckResult.Type

/** How the whole of it ended. `invalid`: the configuration cannot be used and nothing was attempted. */
export const DoctorVerdict = Schema.Struct({
  status: Schema.Literals(["healthy", "warnings", "failed", "invalid"]),
  text: Schema.String,
  failures: Schema.Number,
  warnings: Schema.Number
})

export type DoctorVerdict = typeof DoctorVerdict.Type

/** One context, as `--json` prints it. */
export const DoctorReport = Schema.Struct({
  version: Schema.Literal(DOCTOR_REPORT_VERSION),
  /** ISO 8601, UTC. */
  startedAt: Schema.String,
  /** Milliseconds the context took. */
  ms: Schema.Number,
  verdict: DoctorVerdict,
  results: Schema.Array(CheckResult)
})

export type DoctorReport = typeof DoctorReport.Type
