/** The one line that says how it is: pure, from a status. */
import { age, counted, duration } from "./Format.js"

/** @import { Status } from "./Messages.ts" */

/** @typedef {"up" | "degraded" | "down" | "draining" | "starting" | "lost"} Level */

/**
 * What is said; `key` is the same as long as nothing but numbers changes, `since` is wall-clock milliseconds.
 *
 * @typedef {object} Verdict
 * @property {Level} level
 * @property {string} word
 * @property {string} reason
 * @property {string} remedy
 * @property {string} key
 * @property {number} since
 */

/** @typedef {{ readonly pool: Status["pool"], readonly health: Status["health"], readonly lastFailure: Status["lastFailure"] }} Facts */

/**
 * Who waits, and for how long, or nothing.
 *
 * @param {Status["pool"]} pool
 */
const waiting = ({ oldestWaitMillis, waiting }) =>
  waiting === 0
    ? []
    : [`${counted(waiting, "caller")} ${waiting === 1 ? "waits" : "wait"} (oldest ${duration(oldestWaitMillis)})`]

/** @param {Status["pool"]} pool */
const granted = ({ ceiling, max }) => Math.min(ceiling, max)

/** @param {Status["pool"]} pool */
const isFull = (pool) => pool.used > 0 && pool.used >= granted(pool)

/** @param {Status["pool"]} pool */
const inUse = (pool) => `all ${counted(granted(pool), "session")} are in use`

/**
 * Each cause with the numbers of now.
 *
 * @type {{ readonly [Cause in import("../../services/observability/health/Health.ts").DegradedCause]: (facts: Facts) => string }}
 */
const causes = {
  saturated: ({ pool }) => (isFull(pool) ? inUse(pool) : "every session was in use at the last check"),
  slow: ({ health }) => `the server answers slowly (${duration(health.latencyMillis)} at the last check)`,
  ceiling: ({ pool }) => `the other side grants ${granted(pool)} of ${counted(pool.max, "session")}`,
  breaker: ({ lastFailure }) =>
    lastFailure === null ? "new sessions cannot be opened" : `new sessions cannot be opened: ${lastFailure.message}`
}

/** @param {string} text */
const sentence = (text) => {
  const whole = text.charAt(0).toUpperCase() + text.slice(1)
  return whole === "" || /[.!?]$/.test(whole) ? whole : `${whole}.`
}

/**
 * @param {Facts} facts
 * @returns {{ readonly level: Level, readonly word: string, readonly reason: string, readonly remedy?: string, readonly detail?: string }}
 */
const spoken = (facts) => {
  const { health, pool } = facts
  const { state } = health
  switch (state._tag) {
    case "Starting":
      return { level: "starting", word: "Starting", reason: "no session was opened yet" }
    case "Up":
      return {
        level: "up",
        word: "Up",
        reason: [...(isFull(pool) ? [inUse(pool)] : ["the database answers"]), ...waiting(pool)].join(", ")
      }
    case "Degraded":
      return {
        level: "degraded",
        word: "Degraded",
        reason: [...state.causes.map((cause) => causes[cause](facts)), ...waiting(pool)].join(", "),
        detail: state.causes.join("+")
      }
    case "Down":
      return {
        level: "down",
        word: "Down",
        reason: [state.reason.message, ...waiting(pool)].join("; "),
        remedy: state.reason.remedy,
        detail: state.reason.code
      }
    case "Draining":
      return {
        level: "draining",
        word: "Draining",
        reason: `no new work is taken, ${pool.used === 0 ? "no session is" : `${counted(pool.used, "session")} ${pool.used === 1 ? "is" : "are"} still`} in use`
      }
  }
}

/**
 * The verdict on what the server said last.
 *
 * @param {Facts} facts
 * @returns {Verdict}
 */
export const verdictOf = (facts) => {
  const { detail = "", level, reason, remedy = "", word } = spoken(facts)
  return { level, word, reason: sentence(reason), remedy, key: `${level}/${detail}`, since: facts.health.since }
}

/**
 * The verdict while the server itself is out of reach; `last` is the one before.
 *
 * @param {{ readonly since: number, readonly forMillis: number, readonly why: string, readonly last: Verdict | undefined }} loss
 * @returns {Verdict}
 */
export const lostVerdict = ({ forMillis, last, since, why }) => ({
  level: "lost",
  word: "Not connected",
  reason: `${sentence(why)} No news for ${age(forMillis)}, trying again.`,
  remedy: last === undefined ? "" : `The last word was ${last.word}; what stands below is as it was then.`,
  key: "lost",
  since
})
