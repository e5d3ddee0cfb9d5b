/** This process, and the pool's counters since it was created. */
import { byId } from "./Dom.js"
import { makeFacts } from "./Rows.js"
import { age, bytes, count, decimal, duration, MILLIS_PER_SECOND, NOTHING, percent } from "./Format.js"

/** @import { StatusBody } from "../StatusSchema.ts" */
/** @import { Fact } from "./Rows.js" */

/** @type {(process: StatusBody["process"]) => ReadonlyArray<Fact>} */
const processFacts = (process) => [
  ["Process", `pid ${process.pid}, Node ${process.nodeVersion.replace(/^v/, "")}`],
  ["Up for", age(process.uptimeSeconds * MILLIS_PER_SECOND)],
  ["CPU", `${percent(process.cpu)} of one core`],
  ["Resident memory", bytes(process.rssBytes)],
  ["Heap", `${bytes(process.heapUsedBytes)} of ${bytes(process.heapTotalBytes)}`],
  ["Event-loop delay", `p50 ${duration(process.loopDelayP50Millis)}, p99 ${duration(process.loopDelayP99Millis)}`]
]

// Counts by kind, the zero ones left out, as in `12 (lost 2, idle 10)`.
/** @param {Readonly<Record<string, number>>} counts */
const byKind = (counts) => {
  const some = Object.entries(counts).filter(([, number]) => number > 0)
  const total = some.reduce((sum, [, number]) => sum + number, 0)
  return total === 0 ? "0" : `${count(total)} (${some.map(([kind, number]) => `${kind} ${count(number)}`).join(", ")})`
}

/** @param {StatusBody["pool"]["breakers"]} breakers */
const breakerText = (breakers) => {
  const open = Object.entries(breakers).filter(([, { state }]) => state !== "closed")
  return open.length === 0
    ? "all closed"
    : open
        .map(([name, { retryInMillis, state }]) => {
          const retry = retryInMillis === undefined ? "" : `, next dial in ${duration(retryInMillis)}`
          return `${name} ${state}${retry}`
        })
        .join("; ")
}

/** @type {(status: StatusBody) => ReadonlyArray<Fact>} */
const poolFacts = ({ lastFailure, pool, query }) => {
  const { acquired, closed, dialsFailed, dialsStarted, dialsSucceeded, leaksSuspected, recoveries } = pool.counters
  const failures = Object.values(dialsFailed).reduce((sum, number) => sum + number, 0)
  const rejected = (acquired["timeout"] ?? 0) + (acquired["queue-full"] ?? 0)
  return [
    ["Queries, last minute", query.perSecond === null ? NOTHING : `${decimal(query.perSecond)} per second`],
    ["Query duration", `p50 ${duration(query.p50)}, p95 ${duration(query.p95)}, p99 ${duration(query.p99)}`],
    ["Acquires", byKind(acquired)],
    ["Rejected callers", count(rejected), rejected === 0 ? undefined : "warn"],
    ["Dials", `${count(dialsStarted)}, ${count(dialsSucceeded)} succeeded`],
    ["Failed dials", byKind(dialsFailed), failures === 0 ? undefined : "warn"],
    ["Last failed dial", lastFailure === null ? NOTHING : `${age(lastFailure.agoMillis)} ago: ${lastFailure.message}`],
    ["Breakers", breakerText(pool.breakers)],
    ["Closed sessions", byKind(closed)],
    ["Sessions reset after use", count(recoveries)],
    ["Leaks suspected", count(leaksSuspected), leaksSuspected === 0 ? undefined : "warn"]
  ]
}

export const makeProgram = () => {
  const process = makeFacts(byId("process"))
  const counts = makeFacts(byId("counts"))
  /** @param {StatusBody} status */
  return (status) => {
    process(processFacts(status.process))
    counts(poolFacts(status))
  }
}
