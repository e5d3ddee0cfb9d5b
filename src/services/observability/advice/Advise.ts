/** Evaluates every rule. Pure. */
import { restrictionOf } from "../monitor/DatabaseView.ts"
import { maxAboveCeiling, poolSaturated, tooManyConnections } from "./CapacityRules.ts"
import { type Advice, type Finding, findingIds, type Severity, type AdvisorInput } from "./Finding.ts"
import { connectionTimeouts, idleSessionsDropped, loginRefused } from "./LoginRules.ts"
import { blockedStatements, idleInTransaction, sessionsLeaked, slowStatements } from "./UseRules.ts"

/** The monitor lacks privileges, so that other rules cannot find everything. */
const monitorRestricted = ({ database }: AdvisorInput): Advice | undefined => {
  const detail = database === undefined ? undefined : restrictionOf(database)
  if (database === undefined || detail === undefined) return undefined
  return {
    id: "monitor-restricted",
    severity: "info",
    title: "The monitor lacks privileges",
    detail,
    remedy:
      database.hidden > 0
        ? "Run: grant pg_read_all_stats to the role of the connection string. It allows reading statistics only."
        : "Run: grant execute on function pg_blocking_pids(int) to the role of the connection string."
  }
}

const rules: ReadonlyArray<(input: AdvisorInput) => Advice | undefined> = [
  loginRefused,
  connectionTimeouts,
  tooManyConnections,
  poolSaturated,
  maxAboveCeiling,
  sessionsLeaked,
  idleInTransaction,
  blockedStatements,
  slowStatements,
  idleSessionsDropped,
  monitorRestricted
]

const weights: { readonly [S in Severity]: number } = { critical: 0, warning: 1, info: 2 }

/** The findings, the most severe first; those that go on keep their `since`. `at` is wall-clock milliseconds. */
export const advise = (input: AdvisorInput, previous: ReadonlyArray<Finding>, at: number): ReadonlyArray<Finding> => {
  const { phase } = input.pool
  if (phase === "draining" || phase === "closed") return []
  return rules
    .flatMap((rule) => rule(input) ?? [])
    .map((advice) => Object.assign(advice, { since: previous.find(({ id }) => id === advice.id)?.since ?? at }))
    .toSorted(
      (one, other) =>
        weights[one.severity] - weights[other.severity] || findingIds.indexOf(one.id) - findingIds.indexOf(other.id)
    )
}

/** The difference between two lists of findings. */
export interface Changes {
  /** New findings, and those whose severity changed. */
  readonly begun: ReadonlyArray<Finding>
  readonly over: ReadonlyArray<Finding>
}

/** The changes to log; a finding of which only the numbers changed is not one. */
export const changesBetween = (previous: ReadonlyArray<Finding>, current: ReadonlyArray<Finding>): Changes => ({
  begun: current.filter(
    ({ id, severity }) => !previous.some((finding) => finding.id === id && finding.severity === severity)
  ),
  over: previous.filter(({ id }) => !current.some((finding) => finding.id === id))
})
