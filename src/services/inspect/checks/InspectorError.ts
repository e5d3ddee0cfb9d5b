import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { isSessionError, SessionError } from "../../errors/SessionError.ts"
import { formatSpan } from "./Format.ts"
import { safeText } from "./SafeText.ts"

/** A check could not be answered: which, why, and what a person does next. */
export class InspectorError extends Schema.TaggedError<InspectorError>("effect-supavisor/InspectorError")(
  "InspectorError",
  {
    /** The check, or `facts` for the first question, which all of them need. */
    check: Schema.String,
    detail: Schema.String,
    remedy: Schema.String,
    /** Whether the server may still be busy with it, so that its session is of no further use. */
    isPending: Schema.Boolean
  }
) {
  override get message(): string {
    return `The check ${this.check} failed: ${this.detail} ${this.remedy}`
  }

  /** The server, or what stands before it, gave no word in time. */
  static readonly timedOut = (check: string, timeout: Duration.Duration): InspectorError =>
    new InspectorError({
      check,
      detail: `There was no answer within ${formatSpan(Duration.toMillis(timeout))}.`,
      remedy: "Give it longer with --timeout, or look at the way to the server: effect-supavisor doctor.",
      isPending: true
    })

  /** What a failed statement says. */
  static readonly fromFailure = (
    check: string,
    error: SqlError | Schema.SchemaError,
    timeout: Duration.Duration,
    secrets: ReadonlyArray<string>
  ): InspectorError => {
    if (!isSqlError(error)) {
      return new InspectorError({
        check,
        detail: `The answer has another form than input for: ${safeText(error.message, secrets)}.`,
        remedy: "Report it together with the server's version.",
        isPending: false
      })
    }
    const session = SessionError.fromSqlError(error)
    if (error.reason._tag === "StatementTimeoutError" || error.reason._tag === "LockTimeoutError") {
      const isLock = error.reason._tag === "LockTimeoutError"
      return new InspectorError({
        check,
        detail: isLock
          ? "Something it has to look at is locked exclusively."
          : `The server needed longer than ${formatSpan(Duration.toMillis(timeout))} and was stopped.`,
        remedy: isLock
          ? "See who holds it, then ask again: effect-supavisor inspect locks."
          : "Give it longer with --timeout, or ask when the server is less busy.",
        isPending: false
      })
    }
    return new InspectorError({
      check,
      detail: safeText(session?.message ?? error.message, secrets),
      remedy: isSessionError(session) ? session.remedy : "Ask again; if it stays, report it with the server's version.",
      isPending: false
    })
  }
}
