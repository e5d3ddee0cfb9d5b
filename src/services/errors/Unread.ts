/** Statements that the server never read, because it had ended the session before. */
import type * as Cause from "effect/Cause"
import { SqlError } from "effect/sql/SqlError"
import { isSessionError } from "./SessionError.ts"

/** How often a statement that met a session just as the server ended it is given another one. */
export const UNREAD_RETRIES = 2

/**
 * Whether the session was ended before the server can have read what was asked of it. Then asking again is no second
 * try but the first: the borrower of a session that died in the idle moment before sees nothing of it.
 */
export const isUnread = (error: unknown): boolean => {
  if (!(error instanceof SqlError)) return false
  const { cause } = error.reason
  return isSessionError(cause) && cause.reason._tag === "SessionLost" && !cause.reason.statementInFlight
}

/** The same of everything that is known of a failure. */
export const isUnreadCause = (cause: Cause.Cause<SqlError>): boolean =>
  cause.reasons.some((reason) => reason._tag === "Fail" && isUnread(reason.error))
