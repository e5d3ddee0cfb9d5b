import {
  AuthenticationError,
  AuthorizationError,
  ConnectionError,
  ConstraintError,
  DeadlockError,
  LockTimeoutError,
  SerializationError,
  SqlError,
  type SqlErrorReason,
  SqlSyntaxError,
  StatementTimeoutError,
  UniqueViolation,
  UnknownError
} from "effect/sql/SqlError"
import { conversionFailure } from "./catalogue/ConversionFailure.ts"
import { factsOf } from "./catalogue/FailureFacts.ts"
import { isSessionError, SessionError, type StatementFailed } from "./SessionError.ts"
import type * as Cause from "effect/Cause"

/** An unclassified failure of a statement as an SqlError. */
const failure = (cause: unknown, message: string): SqlError =>
  new SqlError({ reason: new UnknownError({ cause, message, operation: "query" }) })

/** The parameters cannot be encoded; nothing was sent. */
export const notSent = (cause: unknown): SqlError =>
  ofConversion(conversionFailure(cause, "PARAMETERS_NOT_SENT")) ??
  failure(cause, "The parameters of the statement cannot be sent")

/** The server refused the statement, or its answer cannot be read. */
export const notAnswered = (cause: unknown): SqlError =>
  ofConversion(conversionFailure(cause, "RESULT_NOT_DECODED")) ?? failure(cause, "The statement failed")

const ofConversion = (failed: Error | undefined): SqlError | undefined =>
  failed === undefined ? undefined : toSqlError(SessionError.statementFailed(failed))

/** How often a statement is repeated on another session when the server ended its session before reading it. */
export const NEVER_EXECUTED_RETRIES = 2

/**
 * Whether the session ended before the server can have read the statement. Sending it again on another session then
 * cannot execute it twice, so the caller does not notice the loss.
 */
export const isNeverExecuted = (error: unknown): boolean => {
  if (!(error instanceof SqlError)) return false
  const { cause } = error.reason
  return isSessionError(cause) && cause.reason._tag === "SessionLost" && !cause.reason.statementInFlight
}

/** As `isNeverExecuted`, for a cause. */
export const isNeverExecutedCause = (cause: Cause.Cause<SqlError>): boolean =>
  cause.reasons.some((reason) => reason._tag === "Fail" && isNeverExecuted(reason.error))

interface Props {
  readonly cause: SessionError
  readonly message: string
  readonly operation: string | undefined
}

/** Effect's PostgreSQL driver uses this name for a constraint that the server did not name. */
const unnamedConstraint = "unknown"

/** The reason Effect's PostgreSQL driver would choose for a SQLSTATE. */
const ofStatement = (failed: StatementFailed, props: Props): SqlErrorReason => {
  const state = failed.sqlState ?? ""
  if (failed.code === "57014_LOCK_TIMEOUT" || state === "55P03") return new LockTimeoutError(props)
  if (state === "57014") return new StatementTimeoutError(props)
  if (state === "40P01") return new DeadlockError(props)
  if (state === "40001") return new SerializationError(props)
  if (state === "42501") return new AuthorizationError(props)
  if (state === "23505") return new UniqueViolation({ ...props, constraint: failed.constraint ?? unnamedConstraint })
  if (state.startsWith("23")) return new ConstraintError(props)
  if (state.startsWith("28")) return new AuthenticationError(props)
  if (state.startsWith("42")) return new SqlSyntaxError(props)
  return new UnknownError(props)
}

/** A reason with the same `isRetryable`, for failures that have no reason of their own. */
const ofRetryability = (error: SessionError, props: Props): SqlErrorReason => {
  if (!error.isRetryable) return error.class === "auth" ? new AuthenticationError(props) : new UnknownError(props)
  // A stale plan is no lost connection: as with a serialization failure, the same session can run it again.
  return error.reason._tag === "StatementFailed" && error.class === "statement"
    ? new SerializationError(props)
    : new ConnectionError(props)
}

const reasonOf = (error: SessionError, props: Props): SqlErrorReason => {
  const { reason } = error
  if (reason._tag === "StatementTimeout" && reason.isRetryable) return new StatementTimeoutError(props)
  if (reason._tag !== "StatementFailed") return ofRetryability(error, props)
  const own = ofStatement(reason, props)
  return own.isRetryable === error.isRetryable ? own : ofRetryability(error, props)
}

/**
 * The SqlError that an application gets for a SessionError; `SessionError.fromSqlError` returns the SessionError.
 *
 * Both have the same `isRetryable`: a retryable failure is a ConnectionError (without an answer in time a
 * StatementTimeoutError), a refused login an AuthenticationError, anything else an UnknownError; a failed statement
 * keeps the reason of its SQLSTATE.
 */
export const toSqlError = (error: SessionError, operation: string = operationOf(error)): SqlError =>
  new SqlError({ reason: reasonOf(error, { cause: error, message: error.message, operation }) })

/** As Effect's driver names it: `connect` until a session is open, then `query`. */
const operationOf = ({ reason }: SessionError): string =>
  reason._tag === "ConnectFailed" || reason._tag === "ConfigurationInvalid" ? "connect" : "query"

/**
 * An SqlError for a server's error, with the server's text and SQLSTATE as its message and the SessionError as its
 * cause; failures that did not come from a server are returned unchanged.
 *
 * The reason is kept unless its `isRetryable` is wrong: Effect 4.1 treats 53300 and 57P01 as final, and a cancel on
 * request as retryable. With severity FATAL the cause is a SessionLost.
 */
export const enrichStatementError = (
  error: SqlError,
  endpoint?: { readonly host: string; readonly port: number; readonly elapsedMillis?: number }
): SqlError => {
  const { cause } = error.reason
  if (isSessionError(cause)) return error
  if (factsOf(error).sqlState === undefined)
    return ofConversion(conversionFailure(cause, "RESULT_NOT_DECODED")) ?? error
  const session = SessionError.fromSqlError(error, endpoint)
  return session === undefined ? error : toSqlError(session, error.reason.operation)
}
