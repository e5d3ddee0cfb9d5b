/** The end of a session: whether it has come, and what it makes of the failures that announce it. */
import type { SqlError } from "effect/sql/SqlError"
import type { SessionError } from "../errors/SessionError.ts"
import { enrichStatementError, toSqlError } from "../errors/SqlErrors.ts"
import type { Activity } from "./Activity.ts"
import type { LiveSessionParts } from "./PgSessionParts.ts"
import { lossOf } from "./Loss.ts"

export class SessionEnd {
  /** Why the session is gone; undefined while it lives. */
  lost: SessionError | undefined = undefined
  /** What its last failed statement failed with. */
  lastError: SqlError | undefined = undefined
  private socketError: Error | undefined = undefined
  private readonly parts: LiveSessionParts
  private readonly activity: Activity

  constructor(parts: LiveSessionParts, activity: Activity) {
    this.parts = parts
    this.activity = activity
    parts.wire.socket.on("error", (error) => {
      this.socketError = error
    })
  }

  /** What is said of a failed statement, with what the server said and what became of the session. */
  readonly failed = (error: SqlError): SqlError => (this.lastError = this.explained(error))

  /** Why the session is lost, from everything that was seen of its end. */
  loss(cause: unknown): SessionError {
    const { endpoint, now, wire } = this.parts
    const { beganAt, inFlight, messagesBefore } = this.activity
    const statement = { inFlight: inFlight > 0, beganAt, messagesBefore }
    return lossOf({ endpoint, tap: wire.tap, statement, socketError: this.socketError, cause, now: now() })
  }

  private explained(error: SqlError): SqlError {
    if (this.lost !== undefined) return toSqlError(this.lost)
    if (error.reason._tag === "ConnectionError" && !this.parts.wire.socket.writable) {
      this.lost = this.loss(error.reason.cause)
      return toSqlError(this.lost)
    }
    return enrichStatementError(error)
  }
}
