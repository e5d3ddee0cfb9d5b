/** The report of one run: its results and a verdict. */
import * as Schema from "effect/Schema"
import { counted, listed } from "../../errors/Wording.ts"

const componentsWith = (results: ReadonlyArray<CheckResult>, status: CheckResult["status"]): string =>
  listed([...new Set(results.filter((result) => result.status === status).map(({ component }) => component))])

const wordSkipped = (results: ReadonlyArray<CheckResult>): string => {
  const skipped = new Set(results.filter(({ status }) => status === "skip").map(({ id }) => id)).size
  return skipped === 0 ? "" : ` ${counted(skipped, "check")} skipped.`
}

const wordSessions = (results: ReadonlyArray<CheckResult>): string => {
  const login = results.find(({ id }) => id === "login")
  if (login === undefined || login.status === "skip") return ""
  if (login.status === "fail") return " No session can be opened."
  const session = results.find(({ id }) => id === "session")
  return session?.status === "fail" ? " Logins work; sessions are not kept." : " Sessions can be opened."
}

/** Sums up the results; `attempted` is false when invalid settings kept the checks from running. */
export const doctorVerdictOf = (results: ReadonlyArray<CheckResult>, attempted: boolean): DoctorVerdict => {
  const failures = results.filter(({ status }) => status === "fail").length
  const warnings = results.filter(({ status }) => status === "warn").length
  const verdict = (status: DoctorVerdict["status"], text: string) => ({ status, text, failures, warnings })
  if (!attempted) {
    return verdict("invalid", `The configuration is invalid (${counted(failures, "problem")}); no check was run.`)
  }
  const tail = `${wordSessions(results)}${wordSkipped(results)}`
  if (failures > 0) {
    const also = warnings === 0 ? "" : `, ${counted(warnings, "warning")}`
    return verdict("failed", `${counted(failures, "failure")}${also}: ${componentsWith(results, "fail")}.${tail}`)
  }
  if (warnings > 0) {
    return verdict("warnings", `${counted(warnings, "warning")}: ${componentsWith(results, "warn")}.${tail}`)
  }
  return verdict("healthy", `All ${counted(results.length, "result")} are in order.${tail}`)
}

/** The version of the report's schema; within a version, fields are only added. */
export const DOCTOR_REPORT_VERSION = 1

/**
 * The outcome of a check. `info`: nothing to do. `warn`: works, and is likely to cause problems. `fail`: does not work.
 * `skip`: not run, because a check it needs failed or it does not apply.
 */
export const CheckStatus = Schema.Literals(["pass", "info", "warn", "fail", "skip"])

export type CheckStatus = typeof CheckStatus.Type

/** What to do: a sentence, and commands that can be run as they are. */
export const Action = Schema.Struct({ text: Schema.String, commands: Schema.Array(Schema.String) })

export type Action = typeof Action.Type

/** One result; a check has one or several. */
export const CheckResult = Schema.Struct({
  /** The check: one of `--list-checks`. */
  id: Schema.String,
  component: Schema.String,
  /** What was checked; a project reference is shown by its last four characters. */
  target: Schema.String,
  status: CheckStatus,
  /** Duration in milliseconds; null when nothing was measured. */
  ms: Schema.NullOr(Schema.Number),
  details: Schema.String,
  /** Null when there is nothing to do. */
  action: Schema.NullOr(Action)
})

export type CheckResult = typeof CheckResult.Type

/** The overall outcome. `invalid`: the settings are invalid and no check was run. */
export const DoctorVerdict = Schema.Struct({
  status: Schema.Literals(["healthy", "warnings", "failed", "invalid"]),
  text: Schema.String,
  failures: Schema.Number,
  warnings: Schema.Number
})

export type DoctorVerdict = typeof DoctorVerdict.Type

/** The report of one run, as `--json` prints it. */
export const DoctorReport = Schema.Struct({
  version: Schema.Literal(DOCTOR_REPORT_VERSION),
  /** ISO 8601, UTC. */
  startedAt: Schema.String,
  /** Duration of the run in milliseconds. */
  ms: Schema.Number,
  verdict: DoctorVerdict,
  results: Schema.Array(CheckResult)
})

export type DoctorReport = typeof DoctorReport.Type
