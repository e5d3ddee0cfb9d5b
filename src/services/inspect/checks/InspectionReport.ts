/** All checks together: the form of a report, and its verdict. */
import * as Schema from "effect/Schema"
import { Inspection, type RuleResult } from "./Inspection.ts"

/** Counts changes of the form that a reader must know of; a new field is none. */
export const INSPECTION_REPORT_VERSION = 1

/** Everything that was input at one time. */
export const InspectionReport = Schema.Struct({
  version: Schema.Literal(INSPECTION_REPORT_VERSION),
  /** When it was input, by the server's clock. */
  at: Schema.String,
  /** Whether no rule failed and every check gave an answer. */
  isPassed: Schema.Boolean,
  checks: Schema.Array(Inspection)
})

export type InspectionReport = typeof InspectionReport.Type

/** How many rules came out how, and how many checks gave no answer. */
export interface OutcomeCounts {
  readonly pass: number
  readonly fail: number
  readonly unknown: number
  readonly failedChecks: number
}

const countBy = (rules: ReadonlyArray<RuleResult>, outcome: RuleResult["outcome"]): number =>
  rules.filter((rule) => rule.outcome === outcome).length

/** Counts rules and checks. A check that the server cannot answer at all, such as `outliers`, is no failure. */
export const countOutcomes = (checks: ReadonlyArray<Inspection>): OutcomeCounts => {
  const rules = checks.flatMap(({ rules }) => rules)
  return {
    pass: countBy(rules, "pass"),
    fail: countBy(rules, "fail"),
    unknown: countBy(rules, "unknown"),
    failedChecks: checks.filter(({ status }) => status === "failed").length
  }
}

/** Makes a report of what was found. */
export const reportOf = (checks: ReadonlyArray<Inspection>): InspectionReport => {
  const { fail, failedChecks } = countOutcomes(checks)
  return {
    version: INSPECTION_REPORT_VERSION,
    at: checks[0]?.at ?? new Date(0).toISOString(),
    isPassed: fail === 0 && failedChecks === 0,
    checks
  }
}
