/** The schemas of the results of checks and of the report. */
import * as Schema from "effect/Schema"
import { outcomes } from "./Check.ts"
import { checkIds } from "./CheckTitles.ts"
import { Cell } from "./Column.ts"

/** The version of the schema; within a version, fields are only added. */
export const INSPECTION_VERSION = 1

const RuleResult = Schema.Struct({
  id: Schema.String,
  /** A sentence that is true when the rule passes. */
  text: Schema.String,
  /** `unknown` when there was too little data. */
  outcome: Schema.Literals(outcomes),
  detail: Schema.String
})

/** The result of a rule. */
export type RuleResult = typeof RuleResult.Type

/** The result of one check. Durations are milliseconds, sizes bytes, shares fractions of 1, instants ISO 8601. */
export const Inspection = Schema.Struct({
  version: Schema.Literal(INSPECTION_VERSION),
  check: Schema.Literals(checkIds),
  title: Schema.String,
  /** When it ran, by the server's clock. */
  at: Schema.String,
  server: Schema.Struct({
    host: Schema.String,
    port: Schema.Number,
    database: Schema.String,
    role: Schema.String,
    version: Schema.String
  }),
  tookMillis: Schema.Number,
  /** `unavailable`: the server or the role lacks what the check needs; `failed`: the query failed. */
  status: Schema.Literals(["answered", "unavailable", "failed"]),
  /** Why there are no rows; null with the status `answered`. */
  reason: Schema.NullOr(Schema.String),
  /** The worst first, with the columns of the check. */
  rows: Schema.Array(Schema.Record(Schema.String, Cell)),
  isTruncated: Schema.Boolean,
  /** The meaning of an empty result; null when there are rows. */
  empty: Schema.NullOr(Schema.String),
  /** What the role could not see, or the server does not report. */
  unseen: Schema.Array(Schema.String),
  nextSteps: Schema.Array(Schema.String),
  rules: Schema.Array(RuleResult)
})

export type Inspection = typeof Inspection.Type

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

/** Counts rules and checks. A check that is unavailable, such as `outliers` without its extension, has not failed. */
export const countOutcomes = (checks: ReadonlyArray<Inspection>) => {
  const rules = checks.flatMap(({ rules }) => rules)
  const count = (outcome: RuleResult["outcome"]) => rules.filter((rule) => rule.outcome === outcome).length
  return {
    pass: count("pass"),
    fail: count("fail"),
    unknown: count("unknown"),
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
