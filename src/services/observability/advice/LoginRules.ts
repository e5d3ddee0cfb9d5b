/** Rules about sessions that cannot be opened, or that are taken away. */
import { formatDuration } from "../../config/settings/Durations.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { Advice } from "./Finding.ts"
import type { AdvisorInput } from "./AdvisorInput.ts"
import { counted, sentence } from "../../errors/Wording.ts"

type DialFailed = PoolEvent & { readonly _tag: "DialFailed" }

const lastFailure = (picture: AdvisorInput, isIt: (event: DialFailed) => boolean): DialFailed | undefined =>
  picture.events.findLast((event): event is DialFailed => event._tag === "DialFailed" && isIt(event))

/** The server does not let us in: more attempts would make it worse. */
export const loginRefused = (picture: AdvisorInput): Advice | undefined => {
  if (picture.pool.breakers.auth.state === "closed") return undefined
  const failure = lastFailure(picture, ({ error }) => error.class === "auth")
  return {
    id: "login-refused",
    severity: picture.pool.open === 0 ? "critical" : "warning",
    title: "The login is refused",
    detail: `${sentence(failure?.error.message ?? picture.pool.lastFailure?.message ?? "Authentication failed")}`,
    remedy: sentence(failure?.error.remedy ?? "Check the role's name and its password in the connection string")
  }
}

/** Connection timeouts, and whatever else keeps dials from getting through. */
export const connectionTimeouts = (picture: AdvisorInput): Advice | undefined => {
  const { before, pool, settings } = picture
  const { network, pooler } = pool.counters.dialsFailed
  const failed = network + pooler - before.counters.dialsFailed.network - before.counters.dialsFailed.pooler
  const isOpen = pool.breakers.network.state !== "closed"
  if (failed === 0 && !isOpen) return undefined
  const failure = lastFailure(picture, ({ error }) => error.class === "network" || error.class === "pooler")
  const said = failure?.error.message ?? pool.lastFailure?.message
  const advised = failure === undefined ? "" : `${sentence(failure.error.remedy)} `
  return {
    id: "connection-timeouts",
    severity: isOpen && pool.open === 0 ? "critical" : "warning",
    title: "Sessions cannot be opened",
    detail:
      `${counted(failed, "attempt")} failed lately, ${counted(pool.open, "session")} open.` +
      (said === undefined ? "" : ` The last one: ${sentence(said)}`),
    remedy:
      `${advised}Check the network, and that the firewall lets this machine reach the host and port. Raise ` +
      `DB_CONNECT_TIMEOUT (${formatDuration(settings.connectTimeout)}) only if the way is slow.`
  }
}

const isIdleDrop = (event: PoolEvent): event is PoolEvent & { readonly _tag: "SessionsLost" } =>
  event._tag === "SessionsLost" &&
  event.first.reason._tag === "SessionLost" &&
  event.first.class === "network" &&
  !event.first.reason.statementInFlight

/** Idle connection drops: something between here and the server forgets connections that say nothing. */
export const idleSessionsDropped = ({ events, settings }: AdvisorInput): Advice | undefined => {
  const lost = events.filter(isIdleDrop).reduce((sum, { count }) => sum + count, 0)
  const silent = events.filter((event) => event._tag === "SessionClosed" && event.reason === "probe-failed").length
  if (lost + silent === 0) return undefined
  const keepAlive = settings.keepAlive === undefined ? "off" : formatDuration(settings.keepAlive)
  return {
    id: "idle-sessions-dropped",
    severity: "warning",
    title: "Idle sessions are dropped",
    detail:
      `In the last ten minutes ${counted(lost, "session")} went while nothing ran, and ${silent} did not answer when ` +
      "asked. A pooler or server that restarted, or something in between that forgets silent connections, does that.",
    remedy:
      `Lower DB_POOL_IDLE_TIMEOUT (${formatDuration(settings.pool.idleTimeout)}) below what the network allows, set ` +
      `DB_KEEP_ALIVE (${keepAlive}) to less than that, and retry what failed with isRetryable. The pool repeats ` +
      "statements that were not read by itself."
  }
}
