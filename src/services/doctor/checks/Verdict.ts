/** The one line at the end. */
import type { CheckResult, Verdict } from "./Report.ts"
import { counted, listed } from "./Wording.ts"

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
export const verdictOf = (results: ReadonlyArray<CheckResult>, attempted: boolean): Verdict => {
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
