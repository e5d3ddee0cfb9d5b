/** Rules about the number of sessions: for callers, of the pooler, and of the database. */
import { formatDuration } from "../../config/settings/Durations.ts"
import { countOf, usableConnections } from "../monitor/DatabaseView.ts"
import { counted, wordMillis } from "../../errors/Wording.ts"
import type { Advice, Severity, AdvisorInput } from "./Finding.ts"
import { demandOf } from "../../config/LittlesLaw.ts"

/** The usual bound of alerts on `max_connections`. */
const CROWDED = 0.8

/** From this share on the next pool that starts is likely refused. */
const FULL = 0.95

const PERCENT = 100

const isServerFull = (input: AdvisorInput): boolean =>
  input.events.some((event) => event._tag === "DialFailed" && event.error.code.startsWith("53300"))

/** The database's limit of connections is near or reached. */
export const tooManyConnections = (input: AdvisorInput): Advice | undefined => {
  const { database } = input
  const refused = isServerFull(input)
  const usable = database === undefined ? 0 : usableConnections(database)
  const total = database === undefined ? 0 : countOf(database)
  const share = usable === 0 ? 0 : total / usable
  if (!refused && share < CROWDED) return undefined
  const severity: Severity = refused || share >= FULL ? "critical" : "warning"
  const seen =
    database === undefined
      ? []
      : [
          `${total} of ${usable} connections are in use (${Math.round(share * PERCENT)} %; max_connections ` +
            `${database.maxConnections}, ${database.reservedConnections} reserved): ` +
            `${countOf(database, { owner: "ours" })} of this application's name, ` +
            `${countOf(database, { owner: "pooler" })} of the pooler, ${countOf(database, { owner: "others" })} of ` +
            `others; ${countOf(database, { state: "idle" })} are idle.`
        ]
  return {
    id: "too-many-connections",
    severity,
    title: "The database has too many connections",
    detail: [...(refused ? ["PostgreSQL refused a connection because no slot was free."] : []), ...seen].join(" "),
    remedy:
      "Lower DB_POOL_MAX in all processes together, check for leaks (the sessions in /status have their holders) " +
      "and for clients that bypass the pool, or upgrade to a larger compute size."
  }
}

/** A wait of this many milliseconds shows that there are too few sessions. */
const LONG_WAIT_MILLIS = 1000

const rejectedCallers = ({ before, pool }: AdvisorInput): number =>
  (["timeout", "queue-full"] as const).reduce(
    (sum, outcome) => sum + pool.counters.acquired[outcome] - before.counters.acquired[outcome],
    0
  )

const loadTexts = (input: AdvisorInput): { readonly detail: string; readonly remedy: string } => {
  const { pool, load } = input
  const granted = Math.min(pool.ceiling, pool.poolerSize ?? pool.max)
  const demand = demandOf(load)
  if (demand === undefined) {
    return {
      detail: "",
      remedy: "Raise DB_POOL_MAX, if the pooler grants more sessions, or shorten the time each caller holds a session."
    }
  }
  const rate = demand.arrivalsPerSecond.toFixed(1)
  const detail =
    ` ${rate} callers per second hold a session for ${wordMillis(demand.meanUseMillis)} each: by Little's law ` +
    `${demand.busy.toFixed(1)} are busy on average, so ${counted(demand.sessions, "session")} are needed with a buffer ` +
    "of 20 %."
  if (demand.sessions <= pool.max && granted >= pool.max) {
    return {
      detail,
      remedy: `On average DB_POOL_MAX (${pool.max}) is enough: start fewer tasks at once, or speed up statements.`
    }
  }
  if (granted < pool.max || (pool.poolerSize !== undefined && demand.sessions > pool.poolerSize)) {
    return {
      detail,
      remedy:
        `The pooler grants only ${granted} sessions: shorten the time each caller holds one, or raise the pooler's ` +
        `pool size and then DB_POOL_MAX to ${demand.sessions}.`
    }
  }
  return {
    detail,
    remedy: `Raise DB_POOL_MAX from ${pool.max} to ${demand.sessions}, or speed up statements.`
  }
}

/** Callers wait long or are rejected although sessions are open. */
export const poolSaturated = (input: AdvisorInput): Advice | undefined => {
  const { pool, settings } = input
  const refused = rejectedCallers(input)
  const isWaiting = pool.oldestWaitMillis >= LONG_WAIT_MILLIS
  if (pool.open === 0 || (refused === 0 && !isWaiting)) return undefined
  const texts = loadTexts(input)
  return {
    id: "pool-saturated",
    severity: refused > 0 ? "critical" : "warning",
    title: "The pool has too few sessions for its callers",
    detail:
      `${pool.used} of ${pool.max} sessions are in use and ${counted(pool.waiting, "caller waits", "callers wait")}, the first for ` +
      `${wordMillis(pool.oldestWaitMillis)}; ${refused} were rejected in the last minute.${texts.detail}`,
    remedy:
      `${texts.remedy} The queue holds DB_POOL_MAX_WAITING (${settings.pool.maxWaiting}) callers, each for at most ` +
      `DB_POOL_ACQUIRE_TIMEOUT (${formatDuration(settings.pool.acquireTimeout)}).`
  }
}

/** `max` is above the ceiling: the pool can never open all of its sessions. */
export const maxAboveCeiling = ({ pool }: AdvisorInput): Advice | undefined => {
  const granted = Math.min(pool.ceiling, pool.poolerSize ?? pool.max)
  if (granted >= pool.max) return undefined
  const size =
    pool.poolerSize === undefined ? "" : ` Its pool has ${pool.poolerSize} for all clients of this role together.`
  return {
    id: "max-above-ceiling",
    severity: "warning",
    title: "DB_POOL_MAX is above what the pooler grants",
    detail: `The pooler grants this pool ${pool.ceiling} sessions, and max is ${pool.max}.${size}`,
    remedy:
      `Set DB_POOL_MAX to ${granted} or less, so that all processes of this role together stay below the pool size, or ` +
      "raise the pool size in the database settings of the project."
  }
}
