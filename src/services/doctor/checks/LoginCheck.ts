/** The login: the authentication method, the stage at which it was refused, and the first statement. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SessionError } from "../../errors/SessionError.ts"
import { openClient } from "./DoctorClient.ts"
import {
  type CheckFunction,
  type DoctorContext,
  failedDial,
  failedResult,
  type RawResult,
  type DoctorClient
} from "./DoctorContext.ts"
import { advise, actionFor } from "./Actions.ts"
import type { Action } from "./DoctorReport.ts"
import { wordMillis } from "../../errors/Wording.ts"

/** Authentication requests by their number (PostgreSQL docs, "Message Formats"). */
const METHODS: Readonly<Record<number, string>> = { 3: "clear-text password", 5: "MD5", 10: "SCRAM-SHA-256" }

const CLEAR_TEXT = 3

/** A login that takes a larger share of DB_CONNECT_TIMEOUT is reported as slow. */
const SLOW_SHARE = 0.3

const methodOf = ({ tap }: DoctorClient): string =>
  tap.authenticationMethod === undefined
    ? "no password required"
    : (METHODS[tap.authenticationMethod] ?? `method ${tap.authenticationMethod}`)

/** The stage of the failure. Before AuthenticationOk the pooler answers, after it the server behind the pooler. */
const stage = (error: SessionError, authenticated: boolean): string => {
  const { reason } = error
  if (reason._tag !== "ConnectFailed" || reason.phase === "tcp" || reason.phase === "tls") return ""
  if (error.code === TIMED_OUT) {
    return authenticated
      ? "; authenticated, then no answer: a pooler without a free session makes clients wait"
      : "; the connection was accepted, then nothing was received"
  }
  const ended = reason.serverMessage === undefined ? "ended" : "refused"
  return authenticated
    ? `; ${ended} after AuthenticationOk: the password is correct, a later step failed`
    : `; ${ended} before AuthenticationOk`
}

/** The catalogue's remedy for ETIMEDOUT is for connections that were not accepted. */
const noAnswerAction = (context: DoctorContext): Action => {
  const { connection, wasAuthenticated } = context
  if (wasAuthenticated) return actionFor(context.failure("session", context.now(), QUERY_WAIT), connection)
  return advise(
    "The port accepts connections and does not answer as PostgreSQL: check host and port, then a load balancer or " +
      "firewall in between, and whether the server behind it runs.",
    `psql "host=${connection.host} port=${connection.port} connect_timeout=5"`
  )
}

const TIMED_OUT = "ETIMEDOUT"

/** The error of a pooler without a free session, for its action. */
const QUERY_WAIT = { sqlState: "XX000", severity: "FATAL", serverMessage: "(ECHECKOUTTIMEOUT) unable to check out" }

const failedLogin = (context: DoctorContext, error: SessionError, target: string, millis: number): RawResult => {
  const { poolSize, settings, wasAuthenticated } = context
  const sizes = poolSize === undefined ? "" : `; pool size ${poolSize}, DB_POOL_MAX ${settings.pool.max}`
  const result = failedResult(context, error, { target, millis }, stage(error, wasAuthenticated) + sizes)
  return error.code === TIMED_OUT ? { ...result, action: noAnswerAction(context) } : result
}

/** Logs in and keeps the connection for the checks that follow. */
export const checkLogin: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { connection, limitMillis, now, settings } = context
  const started = now()
  const target = `${connection.username} / ${connection.database}`
  const opened = yield* Effect.catch(openClient(context, limitMillis), (error) =>
    Effect.as(
      Effect.flatMap(failedDial(context, error, failedLogin(context, error, target, now() - started)), emit),
      undefined
    )
  )
  if (opened === undefined) return
  const { answerMillis, backend, client } = opened
  context.client = client
  context.backend = backend
  context.isDirect = client.tap.processId === backend.pid
  const millis = now() - started
  const details = `${methodOf(client)}, first statement answered after ${wordMillis(answerMillis)}`
  if (client.tap.authenticationMethod === CLEAR_TEXT && !client.isEncrypted) {
    return yield* emit({
      target,
      status: "warn",
      millis,
      details: `${details}; the password was sent over the network in clear text`,
      action: advise("Encrypt the connection (DB_SSL_MODE=require), or set the server to SCRAM-SHA-256.")
    })
  }
  if (millis > Duration.toMillis(settings.connectTimeout) * SLOW_SHARE) {
    return yield* emit({
      target,
      status: "warn",
      millis,
      details: `${details}; slow: a cold pool, or a distant or busy server`,
      action: advise("Keep sessions open (DB_POOL_MIN of 1 or more), so that callers do not wait for a login.")
    })
  }
  return yield* emit({ target, status: "pass", millis, details })
})
