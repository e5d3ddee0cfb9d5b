/**
 * The outcome of a statement whose session ended before its reply came.
 *
 * A second run may do harm unless the statement only reads, runs in a transaction, or is marked as `Idempotent`. The
 * mark is read from the caller's fiber when a statement has failed, so that it costs nothing before.
 */
import type * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import { isSessionError, SessionError } from "../errors/SessionError.ts"
import { toSqlError } from "../errors/SqlErrors.ts"

/** Whether the statements of an effect may be executed twice. */
export const Idempotent = Context.Reference<boolean>("effect-supavisor/Idempotent", { defaultValue: () => false })

/** The errors that callers get instead when their statements may be executed twice. */
const repeatable = new WeakMap<SqlError, SqlError>()

/** Whether the session ended with the statement sent and not answered. */
const isUnanswered = ({ reason }: SessionError): boolean =>
  reason._tag === "SessionLost"
    ? reason.statementInFlight
    : reason._tag === "StatementTimeout" || reason._tag === "PoolClosed"

/** The error of a statement that was sent: `OutcomeUnknown` unless a second run is safe. */
export const withOutcome = (
  error: SqlError,
  at: { readonly host: string; readonly port: number; readonly elapsedMillis: number },
  isSafe: () => boolean
): SqlError => {
  const failure = error.reason.cause
  if (!isSessionError(failure) || !isUnanswered(failure) || isSafe()) return error
  const { elapsedMillis, host, port } = at
  const unknown = toSqlError(
    SessionError.outcomeUnknown({ host, port, elapsedMillis, failure, phase: "query" }),
    error.reason.operation
  )
  repeatable.set(unknown, error)
  return unknown
}

const forCaller = (cause: Cause.Cause<SqlError>, isIdempotent: boolean): Exit.Exit<never, SqlError> => {
  const failed = cause.reasons.find((reason) => reason._tag === "Fail")
  const error = isIdempotent && failed !== undefined ? repeatable.get(failed.error) : undefined
  return error === undefined ? Exit.failCause(cause) : Exit.fail(error)
}

/** Fails with the cause, as its caller is to see it. */
export const failStatement = (cause: Cause.Cause<SqlError>): Effect.Effect<never, SqlError> =>
  Effect.withFiber((fiber) => forCaller(cause, fiber.getRef(Idempotent)))
