/** The report of several checks. */
import * as Schema from "effect/Schema"
import { Inspection, type RuleResult } from "./Inspection.ts"

/** The version of the schema; within a version, fields are only added. */
export const INSPECTION_REPORT_VERSION = 1

/** The results of the checks of one inspection. */
export const InspectionReport = Schema.Struct({
  version: Schema.Literal(INSPECTION_REPORT_VERSION),
  /** When it ran, by the server's clock. */
  at: Schema.String,
  /** Whether no rule and no check failed. */
  isPassed: Schema.Boolean,
  checks: Schema.Array(Inspection)
})

export type InspectionReport = typeof InspectionReport.Type

/** The number of rules by outcome, and of failed checks. */
export interface OutcomeCounts {
  readonly pass: number
  readonly fail: number
  readonly unknown: number
  readonly failedChecks: number
}

const countBy = (rules: ReadonlyArray<RuleResult>, outcome: RuleResult["outcome"]): number =>
  rules.filter((rule) => rule.outcome === outcome).length

/** Counts rules and checks. A check that is unavailable, such as `outliers` without its extension, has not failed. */
export const countOutcomes = (checks: ReadonlyArray<Inspection>): OutcomeCounts => {
  const rules = checks.flatMap(({ rules }) => rules)
  return {
    pass: countBy(rules, "pass"),
    fail: countBy(rules, "fail"),
    unknown: countBy(rules, "unknown"),
    failedChecks: checks.filter(({ status }) => status === "failed").length
  }
}

/** Makes a report of the results. */
export const reportOf = (checks: ReadonlyArray<Inspection>): InspectionReport => {
  const { fail, failedChecks } = countOutcomes(checks)
  return {
    version: INSPECTION_REPORT_VERSION,
    at: checks[0]?.at ?? new Date(0).toISOString(),
    isPassed: fail === 0 && failedChecks === 0,
    checks
  }
}
