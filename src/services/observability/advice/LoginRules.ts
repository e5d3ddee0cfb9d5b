/** Rules about sessions that cannot be opened or are lost. */
import { formatDuration } from "../../config/settings/Durations.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { Advice, AdvisorInput } from "./Finding.ts"
import { counted, sentence } from "../../errors/Wording.ts"

type DialFailed = PoolEvent & { readonly _tag: "DialFailed" }

const lastFailure = (input: AdvisorInput, isIt: (event: DialFailed) => boolean): DialFailed | undefined =>
  input.events.findLast((event): event is DialFailed => event._tag === "DialFailed" && isIt(event))

/** The login is refused; further attempts may block the role or the address. */
export const loginRefused = (input: AdvisorInput): Advice | undefined => {
  if (input.pool.breakers.auth.state === "closed") return undefined
  const failure = lastFailure(input, ({ error }) => error.class === "auth")
  return {
    id: "login-refused",
    severity: input.pool.open === 0 ? "critical" : "warning",
    title: "The login is refused",
    detail: sentence(failure?.error.message ?? input.pool.lastFailure?.message ?? "Authentication failed"),
    remedy: sentence(failure?.error.remedy ?? "Check the role's name and its password in the connection string")
  }
}

/** Dials fail, by timeouts or other errors of the network or the pooler. */
export const connectionTimeouts = (input: AdvisorInput): Advice | undefined => {
  const { before, pool, settings } = input
  const { network, pooler } = pool.counters.dialsFailed
  const failed = network + pooler - before.counters.dialsFailed.network - before.counters.dialsFailed.pooler
  const isOpen = pool.breakers.network.state !== "closed"
  if (failed === 0 && !isOpen) return undefined
  const failure = lastFailure(input, ({ error }) => error.class === "network" || error.class === "pooler")
  const message = failure?.error.message ?? pool.lastFailure?.message
  const advised = failure === undefined ? "" : `${sentence(failure.error.remedy)} `
  return {
    id: "connection-timeouts",
    severity: isOpen && pool.open === 0 ? "critical" : "warning",
    title: "Sessions cannot be opened",
    detail:
      `${counted(failed, "attempt")} failed in the last minute, ${counted(pool.open, "session")} open.` +
      (message === undefined ? "" : ` The last error: ${sentence(message)}`),
    remedy:
      `${advised}Check the network, and that the firewall lets this machine reach the host and port. Raise ` +
      `DB_CONNECT_TIMEOUT (${formatDuration(settings.connectTimeout)}) only if the network is slow.`
  }
}

const isIdleDrop = (event: PoolEvent): event is PoolEvent & { readonly _tag: "SessionsLost" } =>
  event._tag === "SessionsLost" &&
  event.first.reason._tag === "SessionLost" &&
  event.first.class === "network" &&
  !event.first.reason.statementInFlight

/** Idle sessions are lost: something on the network drops idle connections. */
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
      `In the last ten minutes ${counted(lost, "session was", "sessions were")} lost while idle, and ${silent} did not ` +
      "answer a probe. The cause is a restart of the pooler or the server, or a device that drops idle connections.",
    remedy:
      `Lower DB_POOL_IDLE_TIMEOUT (${formatDuration(settings.pool.idleTimeout)}) below what the network allows, set ` +
      `DB_KEEP_ALIVE (${keepAlive}) to less than that, and retry errors for which isRetryable is true. The pool ` +
      "retries statements that the server did not read."
  }
}
