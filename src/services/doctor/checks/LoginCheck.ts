/** The login: by which method, how far a refusal let it come, and whether a session answers behind it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SessionError } from "../../errors/SessionError.ts"
import { openClient } from "./Client.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, type Client } from "./DoctorContext.ts"
import { actionFor } from "./Actions.ts"
import type { Action } from "./DoctorReport.ts"
import { formatMillis } from "./Format.ts"

/** Authentication requests by their number (PostgreSQL docs, "Message Formats"). */
const METHODS: Readonly<Record<number, string>> = { 3: "clear-text password", 5: "MD5", 10: "SCRAM-SHA-256" }

const CLEAR_TEXT = 3

/** A login that takes this share of DB_CONNECT_TIMEOUT leaves no room for a bad day. */
const SLOW_SHARE = 0.3

const methodOf = ({ tap }: Client): string =>
  tap.authenticationMethod === undefined
    ? "no password asked"
    : (METHODS[tap.authenticationMethod] ?? `method ${tap.authenticationMethod}`)

const FULL_POOLER = "let in, then no answer: a pooler that has no session free lets clients wait"

/** How far the login came: before AuthenticationOk the first server answers, after it the one behind. */
const stage = (error: SessionError, authenticated: boolean): string => {
  const { reason } = error
  if (reason._tag !== "ConnectFailed" || reason.phase === "tcp" || reason.phase === "tls") return ""
  if (error.code === TIMED_OUT) {
    return authenticated ? `; ${FULL_POOLER}` : "; the connection was accepted, then nothing was said"
  }
  const ended = reason.serverMessage === undefined ? "ended" : "refused"
  return authenticated
    ? `; ${ended} after AuthenticationOk: the password was right, what comes after it failed`
    : `; ${ended} before AuthenticationOk`
}

/** What the catalogue says of a connection that cannot be had does not fit one that was accepted. */
const silenceAction = (context: DoctorContext): Action | undefined => {
  const { connection, wasAuthenticated } = context
  if (wasAuthenticated) return actionFor(context.failure("session", context.now(), QUERY_WAIT), connection)
  const text =
    "Something accepts connections and does not speak PostgreSQL: compare host and port, then look at the load " +
    "balancer or firewall in between, and whether the server behind it runs."
  return { text, commands: [`psql "host=${connection.host} port=${connection.port} connect_timeout=5"`] }
}

const TIMED_OUT = "ETIMEDOUT"

/** The same trouble in a pooler's own words, for what to do about it. */
const QUERY_WAIT = { sqlState: "XX000", severity: "FATAL", serverMessage: "(ECHECKOUTTIMEOUT) unable to check out" }

/** What the refusal means here: how far it came, and our own size beside the pooler's. */
const hints = (
  { poolSize: ceiling, settings: { pool }, wasAuthenticated }: DoctorContext,
  error: SessionError
): string =>
  stage(error, wasAuthenticated) + (ceiling === undefined ? "" : `; pool size ${ceiling}, DB_POOL_MAX ${pool.max}`)

const targetOf = ({ connection: { database, username } }: DoctorContext): string => `${username} / ${database}`

const refusal = (context: DoctorContext, error: SessionError, millis: number): RawResult => {
  const target = targetOf(context)
  const result = failedResult(context, error, { target, millis }, hints(context, error))
  return error.code === TIMED_OUT ? { ...result, action: silenceAction(context) } : result
}

/** Logs in and keeps the session for the checks that follow. */
export const checkLogin: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { limitMillis, now, settings } = context
    const began = now()
    const target = targetOf(context)
    const opened = yield* Effect.catch(openClient(context, limitMillis), (error) =>
      Effect.as(emit(refusal(context, error, now() - began)), undefined)
    )
    if (opened === undefined) return
    const { answerMillis, backend, client } = opened
    context.client = client
    context.backend = backend
    const millis = now() - began
    const details = `${methodOf(client)}, first answer after ${formatMillis(answerMillis)}`
    const isReadable = client.tap.authenticationMethod === CLEAR_TEXT && !client.isEncrypted
    const slow = Duration.toMillis(settings.connectTimeout) * SLOW_SHARE
    if (isReadable) {
      const text = "Encrypt (DB_SSL_MODE=require) or let the server ask for SCRAM-SHA-256."
      return yield* emit({
        target,
        status: "warn",
        millis,
        details: `${details}; the password crossed the network in clear text`,
        action: { text, commands: [] }
      })
    }
    if (millis > slow) {
      return yield* emit({
        target,
        status: "warn",
        millis,
        details: `${details}; slow: a cold pool, or a far or busy server`,
        action: {
          text: "Keep sessions open (DB_POOL_MIN of 1 or more), so that callers do not wait for logins.",
          commands: []
        }
      })
    }
    return yield* emit({ target, status: "pass", millis, details })
  })
