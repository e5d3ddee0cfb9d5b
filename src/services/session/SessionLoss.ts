/** The end of a session: whether it has come, and what it makes of the failures that announce it. */
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../errors/SessionError.ts"
import { enrichStatementError, toSqlError } from "../errors/SqlErrors.ts"
import type { Activity } from "./Activity.ts"
import type { PgSessionParts } from "./PgSessionParts.ts"
import { STOP_MILLIS } from "./Cancellation.ts"
import type { Endpoint } from "../wire/Transport.ts"
import type { WireTap } from "../wire/WireTap.ts"

/** A goodbye that crossed a statement on its way has come by then, on any network a session is usable on. */
const UNREAD_MILLIS = 1000

/** What is known of the statement that was, or was last, in flight. */
export interface LastStatement {
  readonly inFlight: boolean
  /** Monotonic milliseconds when it was written. */
  readonly startedAt: number
  /** Messages heard when it was written. */
  readonly messagesBefore: number
}

/**
 * Whether the server had said goodbye before it can have read the statement in flight. A backend that has begun with
 * it acknowledges Parse or Bind ahead of anything else (PostgreSQL docs, "Extended Query"), so a FATAL that comes first
 * says that nothing was run. A pooler cutting a session short says FATAL of its own while the statement goes on, but
 * gives it five seconds first (Supavisor 2.9 source, terminator.ex): hence the bound.
 */
const unread = (tap: WireTap, statement: LastStatement): boolean =>
  tap.fatal !== undefined &&
  tap.messagesBeforeFatal === statement.messagesBefore &&
  tap.fatalAt - statement.startedAt <= UNREAD_MILLIS

/** The server's own words come first, then what the socket said, then what the driver made of it. */
export const lossOf = (parts: {
  readonly endpoint: Endpoint
  readonly tap: WireTap
  readonly statement: LastStatement
  readonly socketError: Error | undefined
  readonly cause: unknown
  readonly now: number
}): SessionError => {
  const { endpoint, statement, tap } = parts
  return SessionError.sessionLost({
    host: endpoint.host,
    port: endpoint.port,
    phase: "query",
    failure: tap.fatal ?? parts.socketError ?? parts.cause,
    elapsedMillis: parts.now - (statement.inFlight ? statement.startedAt : tap.lastReceivedAt),
    statementInFlight: statement.inFlight && !unread(tap, statement)
  })
}

/** A statement that nobody waits for did not end, or the server did not say that it cancelled it. */
export const cancelFailed = (endpoint: Endpoint, elapsedMillis: number): SessionError =>
  SessionError.statementTimeout({
    host: endpoint.host,
    port: endpoint.port,
    phase: "query",
    elapsedMillis,
    limitMillis: STOP_MILLIS
  })

export class SessionLoss {
  /** Why the session is gone; undefined while it lives. */
  lost: SessionError | undefined = undefined
  /** What its last failed statement failed with. */
  lastError: SqlError | undefined = undefined
  private socketError: Error | undefined = undefined
  private readonly parts: PgSessionParts
  private readonly activity: Activity

  constructor(parts: PgSessionParts, activity: Activity) {
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
    const { inFlight, messagesBefore, startedAt } = this.activity
    const statement = { inFlight: inFlight > 0, startedAt, messagesBefore }
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
