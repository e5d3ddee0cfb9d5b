/** From a picture to findings: every rule asked once, the worst first, each with the time since when it holds. */
import { restrictionOf } from "../monitor/DatabaseView.ts"
import { maxAboveCeiling, poolSaturated, tooManyConnections } from "./CapacityRules.ts"
import { type Advice, type Finding, findingIds, type Severity } from "./Finding.ts"
import { connectionTimeouts, idleSessionsDropped, loginRefused } from "./LoginRules.ts"
import type { AdvisorInput } from "./AdvisorInput.ts"
import { blockedStatements, idleInTransaction, sessionsLeaked, slowStatements } from "./UseRules.ts"

/** What the monitor could not see is advice, too: the other rules say less than they could. */
const monitorRestricted = ({ database }: AdvisorInput): Advice | undefined => {
  const detail = database === undefined ? undefined : restrictionOf(database)
  if (database === undefined || detail === undefined) return undefined
  return {
    id: "monitor-restricted",
    severity: "info",
    title: "The monitor may not see everything",
    detail,
    remedy:
      database.hidden > 0
        ? "Grant it: grant pg_read_all_stats to the role that the connection string names. It is harmless: it reads " +
          "statistics only."
        : "Grant it: grant execute on function pg_blocking_pids(int) to the role that the connection string names."
  }
}

const rules: ReadonlyArray<(picture: AdvisorInput) => Advice | undefined> = [
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

/**
 * Every finding that holds, the most severe first; pure. `at` is wall-clock milliseconds.
 *
 * A finding that held before keeps its `since`, also when its numbers or its severity have changed. A pool that ends is
 * not advised: what it lacks then, it is about to give up.
 */
export const advise = (picture: AdvisorInput, previous: ReadonlyArray<Finding>, at: number): ReadonlyArray<Finding> => {
  const { phase } = picture.pool
  if (phase === "draining" || phase === "closed") return []
  return rules
    .flatMap((rule) => rule(picture) ?? [])
    .map((advice) => Object.assign(advice, { since: previous.find(({ id }) => id === advice.id)?.since ?? at }))
    .toSorted(
      (one, other) =>
        weights[one.severity] - weights[other.severity] || findingIds.indexOf(one.id) - findingIds.indexOf(other.id)
    )
}

/** What has become of the findings. */
export interface Changes {
  /** New ones, and those whose severity changed. */
  readonly begun: ReadonlyArray<Finding>
  readonly over: ReadonlyArray<Finding>
}

/** The difference that is worth a log line: numbers alone are none. */
export const changesBetween = (previous: ReadonlyArray<Finding>, current: ReadonlyArray<Finding>): Changes => ({
  begun: current.filter(
    ({ id, severity }) => !previous.some((finding) => finding.id === id && finding.severity === severity)
  ),
  over: previous.filter(({ id }) => !current.some((finding) => finding.id === id))
})
