/** Failures made of the texts of real servers and machines, so that they are classified as real ones. */
import type { SqlError } from "effect/sql/SqlError"
import type { ErrorClass, FailureFacts } from "../../services/errors/catalogue/Entry.ts"
import { defaultPoolerSize } from "../../services/config/PoolSizing.ts"
import { SessionError } from "../../services/errors/SessionError.ts"
import { toSqlError } from "../../services/errors/SqlErrors.ts"

/** The endpoint of scripted sessions: a name that never resolves (RFC 2606, "invalid"). */
const address = { host: "scripted.invalid", port: 5432 } as const

export const endpoint = { ...address, database: "scripted", username: "scripted" } as const

/** Classes of failures of a dial. */
export type DialFailureClass = Exclude<ErrorClass, "statement" | "closed">

const refusals: Readonly<Record<DialFailureClass, (poolSize: number) => FailureFacts>> = {
  network: () => ({ errno: "ECONNREFUSED", syscall: "connect", nodeMessage: "connect ECONNREFUSED 192.0.2.1:5432" }),
  auth: () => ({
    severity: "FATAL",
    sqlState: "28P01",
    serverMessage: 'password authentication failed for user "scripted"'
  }),
  capacity: (poolSize) => ({
    severity: "FATAL",
    sqlState: "XX000",
    serverMessage: `(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: ${poolSize}`
  }),
  configuration: () => ({ severity: "FATAL", sqlState: "3D000", serverMessage: 'database "scripted" does not exist' }),
  pooler: () => ({ severity: "FATAL", sqlState: "57P03", serverMessage: "the database system is starting up" })
}

/** The failure of a dial, of that class; the text of class `capacity` names `poolSize`. */
export const refusal = (
  kind: DialFailureClass,
  options: { readonly poolSize?: number | undefined; readonly elapsedMillis?: number | undefined } = {}
): SessionError =>
  SessionError.connectFailed({
    ...address,
    phase: kind === "network" ? "tcp" : "authentication",
    elapsedMillis: options.elapsedMillis ?? 0,
    failure: refusals[kind](options.poolSize ?? defaultPoolerSize)
  })

/** A dial that got no answer before the connect timeout. */
export const connectTimedOut = (elapsedMillis: number): SessionError =>
  SessionError.connectFailed({
    ...address,
    phase: "tcp",
    elapsedMillis,
    failure: { errno: "ETIMEDOUT", syscall: "connect", nodeMessage: "connect ETIMEDOUT 192.0.2.1:5432" }
  })

/** A session whose connection was reset by the peer. */
export const connectionReset = (statementInFlight: boolean): SessionError =>
  SessionError.sessionLost({
    ...address,
    failure: { errno: "ECONNRESET", syscall: "read", nodeMessage: "read ECONNRESET" },
    elapsedMillis: 0,
    statementInFlight
  })

/** A cancelled statement that did not stop in time. */
export const cancelTimedOut = (elapsedMillis: number, limitMillis: number): SessionError =>
  SessionError.statementTimeout({ ...address, elapsedMillis, limitMillis })

/** The server's error for a statement, by SQLSTATE, as a real session fails with it: `23505` is a `UniqueViolation`. */
export const serverError = (
  sqlState: string,
  message: string,
  fields: { readonly detail?: string; readonly hint?: string; readonly constraint?: string } = {}
): SqlError =>
  toSqlError(SessionError.statementFailed({ severity: "ERROR", code: sqlState, message, ...fields }), "query")
