/** This process, and what the pool has counted since it was made. */
import { byId } from "./Dom.js"
import { makeFacts } from "./Facts.js"
import { age, bytes, count, decimal, duration, MILLIS_PER_SECOND, NOTHING, percent } from "./Format.js"

/** @import { Status } from "./Messages.ts" */
/** @import { Fact } from "./Facts.js" */

/**
 * @param {Status["process"]} process
 * @returns {ReadonlyArray<Fact>}
 */
const processFacts = (process) => [
  ["Process", `pid ${process.pid}, Node ${process.nodeVersion.replace(/^v/, "")}`],
  ["Up for", age(process.uptimeSeconds * MILLIS_PER_SECOND)],
  ["CPU", `${percent(process.cpu)} of one core`],
  ["Resident memory", bytes(process.rssBytes)],
  ["Heap", `${bytes(process.heapUsedBytes)} of ${bytes(process.heapTotalBytes)}`],
  ["Event-loop delay", `p50 ${duration(process.loopDelayP50Millis)}, p99 ${duration(process.loopDelayP99Millis)}`]
]

/**
 * Counts by kind, the zero ones left out, as in `12 (lost 2, idle 10)`.
 *
 * @param {Readonly<Record<string, number>>} counts
 */
const byKind = (counts) => {
  const some = Object.entries(counts).filter(([, number]) => number > 0)
  const total = some.reduce((sum, [, number]) => sum + number, 0)
  return total === 0 ? "0" : `${count(total)} (${some.map(([kind, number]) => `${kind} ${count(number)}`).join(", ")})`
}

/** @param {Status["pool"]["breakers"]} breakers */
const breakerWords = (breakers) => {
  const troubled = Object.entries(breakers).filter(([, { state }]) => state !== "closed")
  return troubled.length === 0
    ? "closed: dials go"
    : troubled
        .map(([name, { retryInMillis, state }]) => {
          const retry = retryInMillis === undefined ? "" : `, next dial in ${duration(retryInMillis)}`
          return `${name} ${state}${retry}`
        })
        .join("; ")
}

/**
 * @param {Status} status
 * @returns {ReadonlyArray<Fact>}
 */
const poolFacts = ({ lastFailure, pool, query }) => {
  const { acquired, closed, dialsFailed, dialsStarted, dialsSucceeded, leaksSuspected, recoveries } = pool.counters
  const failures = Object.values(dialsFailed).reduce((sum, number) => sum + number, 0)
  const turnedAway = acquired.timeout + acquired["queue-full"]
  return [
    ["Queries, last minute", query.perSecond === null ? NOTHING : `${decimal(query.perSecond)} per second`],
    ["Query duration", `p50 ${duration(query.p50)}, p95 ${duration(query.p95)}, p99 ${duration(query.p99)}`],
    ["Lent", byKind(acquired)],
    ["Turned away", count(turnedAway), turnedAway === 0 ? undefined : "warn"],
    ["Dials", `${count(dialsStarted)}, ${count(dialsSucceeded)} succeeded`],
    ["Failed dials", byKind(dialsFailed), failures === 0 ? undefined : "warn"],
    ["Last failed dial", lastFailure === null ? NOTHING : `${age(lastFailure.agoMillis)} ago: ${lastFailure.message}`],
    ["Breakers", breakerWords(pool.breakers)],
    ["Closed", byKind(closed)],
    ["Recovered", count(recoveries)],
    ["Leaks suspected", count(leaksSuspected), leaksSuspected === 0 ? undefined : "warn"]
  ]
}

/** Makes a function that shows both. */
export const makeProgram = () => {
  const process = makeFacts(byId("process"))
  const counts = makeFacts(byId("counts"))
  /** @param {Status} status */
  return (status) => {
    process(processFacts(status.process))
    counts(poolFacts(status))
  }
}
