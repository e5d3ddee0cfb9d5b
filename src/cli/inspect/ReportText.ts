/** Prints a report: every rule with its outcome, failed rules first, and the next steps of failed checks. */
import { type InspectionReport, countOutcomes } from "../../services/inspect/checks/InspectionReport.ts"
import type { Inspection, RuleResult } from "../../services/inspect/Inspector.ts"
import { tableOf } from "../terminal/Table.ts"
import { counted } from "../../services/errors/Wording.ts"
import { wrap } from "../terminal/Wrap.ts"

const marks: { readonly [O in RuleResult["outcome"]]: string } = { fail: "FAIL", unknown: "----", pass: "PASS" }

const order: ReadonlyArray<RuleResult["outcome"]> = ["fail", "unknown", "pass"]

const columns = [
  { header: "RULE", align: "left", isElastic: false, isExtra: false },
  { header: "CHECK", align: "left", isElastic: false, isExtra: false },
  { header: "EXPECTED", align: "left", isElastic: true, isExtra: false },
  { header: "FOUND", align: "left", isElastic: true, isExtra: false }
] as const

const verdict = ({ checks }: InspectionReport): string => {
  const { fail, failedChecks, pass, unknown } = countOutcomes(checks)
  const rest = unknown === 0 ? "" : `, ${unknown} unknown`
  const failed = failedChecks === 0 ? "" : ` ${counted(failedChecks, "check")} failed.`
  return fail === 0
    ? `No rule failed: ${pass} passed${rest}.${failed}`
    : `${fail} of ${counted(fail + pass + unknown, "rule")} failed${rest}.${failed}`
}

const steps = (check: Inspection): ReadonlyArray<string> =>
  check.status === "failed" || check.rules.some(({ outcome }) => outcome === "fail")
    ? [
        "",
        `${check.check}${check.status === "failed" ? `: ${check.reason ?? ""}` : ""}`,
        ...check.nextSteps.map((step) => `  - ${step}`)
      ]
    : []

/** The lines, at most `width` wide if given, except the next steps, whose commands are to be copied. */
export const reportLines = (report: InspectionReport, width: number | undefined): ReadonlyArray<string> => {
  const [first] = report.checks
  const rules = report.checks
    .flatMap(({ check, rules }) => rules.map((rule) => ({ check, ...rule })))
    .toSorted((one, other) => order.indexOf(one.outcome) - order.indexOf(other.outcome))
  return [
    ...(first === undefined
      ? []
      : wrap(
          `${first.server.database} at ${first.server.host}:${first.server.port} as ${first.server.role}, ` +
            `PostgreSQL ${first.server.version}, ${report.at}`,
          width
        )),
    "",
    ...tableOf(
      columns,
      rules.map(({ check, detail, outcome, text }) => [marks[outcome], check, text, detail]),
      width
    ).lines,
    ...report.checks.flatMap(steps),
    "",
    ...wrap(verdict(report), width)
  ]
}
