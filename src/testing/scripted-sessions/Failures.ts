/** Failures as a script says them: made of what a server or a machine would say, so they are classified as real ones. */
import type { SqlError } from "effect/sql/SqlError"
import type { ErrorClass, FailureFacts } from "../../services/errors/catalogue/Entry.ts"
import { SessionError } from "../../services/errors/SessionError.ts"
import { toSqlError } from "../../services/errors/SqlErrors.ts"

/** Where scripted sessions claim to be: a name that no resolver knows (RFC 2606, "invalid"). */
export const endpoint = { host: "scripted.invalid", port: 5432, database: "scripted", username: "scripted" } as const

/** The kinds of refusal a dial can meet. */
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

/** Supavisor's default pool size for small computes (Supabase docs, "Compute and Disk"). */
const DEFAULT_POOL_SIZE = 15

/** A dial that was refused, as a failure of that class; `poolSize` is what a refusal of class `capacity` names. */
export const refusal = (
  kind: DialFailureClass,
  options: { readonly poolSize?: number | undefined; readonly elapsedMillis?: number | undefined } = {}
): SessionError =>
  SessionError.connectFailed({
    host: endpoint.host,
    port: endpoint.port,
    phase: kind === "network" ? "tcp" : "authentication",
    elapsedMillis: options.elapsedMillis ?? 0,
    failure: refusals[kind](options.poolSize ?? DEFAULT_POOL_SIZE)
  })

/** A dial that nobody answered until the connect timeout ran out. */
export const unanswered = (elapsedMillis: number): SessionError =>
  SessionError.connectFailed({
    host: endpoint.host,
    port: endpoint.port,
    phase: "tcp",
    elapsedMillis,
    failure: { errno: "ETIMEDOUT", syscall: "connect", nodeMessage: "connect ETIMEDOUT 192.0.2.1:5432" }
  })

/** A session that the other side reset. */
export const reset = (statementInFlight: boolean): SessionError =>
  SessionError.sessionLost({
    host: endpoint.host,
    port: endpoint.port,
    failure: { errno: "ECONNRESET", syscall: "read", nodeMessage: "read ECONNRESET" },
    elapsedMillis: 0,
    statementInFlight
  })

/** A statement whose peer did not stop it in time. */
export const unsettled = (elapsedMillis: number, limitMillis: number): SessionError =>
  SessionError.statementTimeout({ host: endpoint.host, port: endpoint.port, elapsedMillis, limitMillis })

/**
 * The server's answer to a statement it refuses, by SQLSTATE (PostgreSQL docs, errcodes-appendix).
 *
 * It arrives as the `SqlError` a real session would fail with: `23505` is a `UniqueViolation`, and so on.
 */
export const serverError = (
  sqlState: string,
  message: string,
  fields: { readonly detail?: string; readonly hint?: string; readonly constraint?: string } = {}
): SqlError =>
  toSqlError(SessionError.statementFailed({ severity: "ERROR", code: sqlState, message, ...fields }), "query")
