import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { SessionError } from "../../errors/SessionError.ts"
import { safeText } from "./SafeText.ts"
import { wordMillis } from "../../errors/Wording.ts"

/** A check failed: its id, the reason and what to do. */
export class InspectorError extends Schema.TaggedError<InspectorError>("effect-supavisor/InspectorError")(
  "InspectorError",
  {
    /** The check, `facts` for the first query of an inspection, or `observe`. */
    check: Schema.String,
    detail: Schema.String,
    remedy: Schema.String,
    /** Whether the query may still be running, so that the session cannot be used any more. */
    isPending: Schema.Boolean
  }
) {
  override get message(): string {
    return `The check ${this.check} failed: ${this.detail} ${this.remedy}`
  }

  /** The query did not end in time. */
  static readonly timedOut = (check: string, timeout: Duration.Duration): InspectorError =>
    new InspectorError({
      check,
      detail: `No answer within ${wordMillis(Duration.toMillis(timeout))}.`,
      remedy: "Raise --timeout, or check the connection: effect-supavisor doctor.",
      isPending: true
    })

  /** The error of a failed query. */
  static readonly fromFailure = (
    check: string,
    error: SqlError | Schema.SchemaError,
    timeout: Duration.Duration,
    secrets: ReadonlyArray<string>
  ): InspectorError => {
    const failed = (detail: string, remedy: string) => new InspectorError({ check, detail, remedy, isPending: false })
    if (!isSqlError(error)) {
      const detail = `The result does not match its schema: ${safeText(error.message, secrets)}.`
      return failed(detail, "Report this with the server's version.")
    }
    if (error.reason._tag === "StatementTimeoutError") {
      const detail = `The query exceeded its time limit of ${wordMillis(Duration.toMillis(timeout))}.`
      return failed(detail, "Raise --timeout, or try again when the server is less busy.")
    }
    if (error.reason._tag === "LockTimeoutError") {
      const remedy = "Find the lock's holder with effect-supavisor inspect locks, then try again."
      return failed("A table or index that it reads is locked exclusively.", remedy)
    }
    const session = SessionError.fromSqlError(error)
    const remedy = session?.remedy ?? "Try again; if it persists, report it with the server's version."
    return failed(safeText(session?.message ?? error.message, secrets), remedy)
  }
}
