/** Why a session ended, and how the failures around its end are reported. */
import type * as Net from "node:net"
import type { SqlError } from "effect/sql/SqlError"
import { SessionError } from "../errors/SessionError.ts"
import { enrichStatementError, toSqlError } from "../errors/SqlErrors.ts"
import { isCommit, isRepeatable } from "../stats/StatementEffects.ts"
import type { Activity } from "./Activity.ts"
import { STOP_MILLIS } from "./Cancellation.ts"
import { withOutcome } from "./Outcome.ts"
import type { Endpoint } from "../wire/Transport.ts"
import type { WireTap } from "../wire/WireTap.ts"

/** A FATAL that crossed a statement on the network arrives within this time, on any network a session is usable on. */
const NEVER_EXECUTED_MILLIS = 1000

/** The session could not be cleaned up: a statement did not stop, or the server did not confirm its cancellation. */
export const cancelFailed = (endpoint: Endpoint, elapsedMillis: number): SessionError =>
  SessionError.statementTimeout({
    host: endpoint.host,
    port: endpoint.port,
    phase: "query",
    elapsedMillis,
    limitMillis: STOP_MILLIS
  })

/** The parts of a session that show its end. */
interface LossParts {
  readonly endpoint: Endpoint
  readonly wire: { readonly socket: Net.Socket; readonly tap: WireTap }
  readonly now: () => number
}

export class SessionLoss {
  /** Why the session is gone; undefined while it is open. */
  error: SessionError | undefined = undefined
  /** The error of the last failed statement. */
  lastError: SqlError | undefined = undefined
  private socketError: Error | undefined = undefined
  private readonly parts: LossParts
  private readonly activity: Activity

  constructor(parts: LossParts, activity: Activity) {
    this.parts = parts
    this.activity = activity
    parts.wire.socket.on("error", (error) => {
      this.socketError = error
    })
  }

  /** False once the server has sent a FATAL, or the driver has closed the socket, which it reports a turn later. */
  get isOpen(): boolean {
    const { socket, tap } = this.parts.wire
    return tap.fatal === undefined && socket.writable
  }

  /** The error of a failed statement, with what the server sent and what became of the session. */
  readonly explain = (error: SqlError): SqlError => (this.lastError = this.explained(error))

  /** As `explain`, for a statement that was sent: when the session ended, it may or may not have been executed. */
  explainSent(error: SqlError, sql: string, isInTransaction: boolean): SqlError {
    const explained = this.explain(error)
    const { endpoint, now } = this.parts
    const elapsedMillis = now() - this.activity.startedAt
    const isSafe = () =>
      isInTransaction ? !isCommit(sql) : (this.activity.texts?.get(sql).isRepeatable ?? isRepeatable(sql))
    return (this.lastError = withOutcome(explained, { ...endpoint, elapsedMillis }, isSafe))
  }

  /** Builds the error of a lost session: the server's FATAL comes first, then the socket's error, then the driver's. */
  describe(cause: unknown): SessionError {
    const { activity, parts } = this
    const { host, port } = parts.endpoint
    const { tap } = parts.wire
    const inFlight = activity.inFlight > 0
    return SessionError.sessionLost({
      host,
      port,
      phase: "query",
      failure: tap.fatal ?? this.socketError ?? cause,
      elapsedMillis: parts.now() - (inFlight ? activity.startedAt : tap.lastReceivedAt),
      statementInFlight: inFlight && !this.isNeverExecuted(tap)
    })
  }

  /**
   * Whether the server sent its FATAL before it can have read the statement in flight. A backend that has started on a
   * statement acknowledges Parse or Bind before anything else (PostgreSQL docs, "Extended Query"), so a FATAL that comes
   * first means that nothing was run. A pooler that cuts a session short sends a FATAL of its own while the statement
   * goes on, but waits five seconds first (Supavisor 2.9 source, terminator.ex): hence the bound.
   */
  private isNeverExecuted(tap: WireTap): boolean {
    const { messagesBefore, startedAt } = this.activity
    return (
      tap.fatal !== undefined &&
      tap.messagesBeforeFatal === messagesBefore &&
      tap.fatalAt - startedAt <= NEVER_EXECUTED_MILLIS
    )
  }

  private explained(error: SqlError): SqlError {
    if (this.error === undefined && error.reason._tag === "ConnectionError" && !this.parts.wire.socket.writable) {
      this.error = this.describe(error.reason.cause)
    }
    return this.error === undefined ? enrichStatementError(error) : toSqlError(this.error)
  }
}
