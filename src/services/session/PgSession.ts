/** A session with a real server: how it stands, how it is looked after, and how it ends. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import { onMachineClock } from "../wire/MonotonicClock.ts"
import { SessionError } from "../errors/SessionError.ts"
import type { Session, SessionInfo } from "./Session.ts"
import { Activity } from "./Activity.ts"
import type { PgSessionParts } from "./PgSessionParts.ts"
import { PgSessionStatements } from "./PgSessionStatements.ts"
import { SessionLoss } from "./SessionLoss.ts"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as Net from "node:net"
import type { Result } from "@effect/sql-pg/PgConnection"
import { applyStatement, readFacts, type SessionSettings, unapplied } from "./SessionSettings.ts"

/**
 * What DISCARD ALL does, less DEALLOCATE ALL: the driver's named statements are kept, so that a reset does not cost
 * every statement its plan (PostgreSQL docs, DISCARD).
 */
const RESET_STATEMENTS: ReadonlyArray<string> = [
  "close all",
  "set session authorization default",
  "reset all",
  "unlisten *",
  "select pg_advisory_unlock_all()",
  "discard temp",
  "discard sequences"
]

type Query = (
  sql: string,
  params: ReadonlyArray<unknown>,
  gathered?: boolean
) => Effect.Effect<Pick<Result, "rows">, SqlError>

/** Two writes: the resets travel together, then the settings. True when the session is as it was after login. */
export const resetSession = (query: Query, settings: SessionSettings): Effect.Effect<boolean, SqlError> =>
  Effect.gen(function* () {
    yield* Effect.forEach(RESET_STATEMENTS, (statement) => query(statement, [], true), {
      concurrency: "unbounded",
      discard: true
    })
    const { params, sql } = applyStatement(settings)
    const result = yield* query(sql, params)
    return unapplied(readFacts(settings, result.rows[0] ?? {})).length === 0
  })

/** How long the server may take to hang up after Terminate before the socket is destroyed. */
const CLOSE_MILLIS = 2000

/** Closes the driver's scope, which writes Terminate, and waits until the socket is closed. */
export const terminate = (socket: Net.Socket, scope: Scope.Closeable): Effect.Effect<void> => {
  if (socket.closed) return Effect.void
  const closed = Effect.callback<void>((resume) => {
    const done = () => resume(Effect.void)
    // A server that is quick may have hung up while the driver said Terminate.
    if (socket.closed) return resume(Effect.void)
    socket.once("close", done)
    return Effect.sync(() => {
      socket.off("close", done)
    })
  })
  // Reading on is what lets a socket with unread data see the server hang up.
  socket.resume()
  return Scope.close(scope, Exit.void).pipe(
    Effect.andThen(Effect.timeoutOption(closed, CLOSE_MILLIS)),
    Effect.andThen(Effect.sync(() => socket.destroy()))
  )
}

/**
 * Ends when the event loop has read its sockets and has handed on what it read.
 *
 * After a stall Node runs the timers that are due before it looks at any socket (Node.js docs, "The Node.js Event
 * Loop"), so a deadline would pass although the answer is there. Two turns: one reads, one wakes who waits for it.
 */
export const pendingReads: Effect.Effect<void> = Effect.callback<void>((resume) => {
  let turn = setImmediate(() => {
    turn = setImmediate(() => resume(Effect.void))
  })
  return Effect.sync(() => clearImmediate(turn))
})

/** A timer that fires later than this was held up by a process that stood still, not by a busy machine. */
const LATE_MILLIS = 50

/**
 * Ends when so much time has passed in which the process could listen. One that stood still meanwhile is given the time
 * once more: what it wanted to send may have left only after the stall.
 */
export const sleepWhileReading = (millis: number, now: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const began = now()
    return Effect.andThen(
      Effect.sleep(millis),
      Effect.suspend(() => (now() - began > millis + LATE_MILLIS ? Effect.sleep(millis) : pendingReads))
    )
  })

/** How long a rollback and a reset may take together before the session is closed instead. */
const RECOVER_MILLIS = 5000

/** How long a peer may take to answer a probe: a caller waits for it. */
const PROBE_MILLIS = 2000

export class PgSession implements Session {
  readonly info: SessionInfo
  onLost: ((error: SessionError) => void) | undefined = undefined
  readonly start: Session["start"]
  readonly cancelQuery: Session["cancelQuery"]
  readonly rows: Session["rows"]
  readonly query: Session["query"]
  readonly queryValues: Session["queryValues"]
  readonly stream: Session["stream"]
  readonly listen: Session["listen"]

  private readonly parts: PgSessionParts
  private readonly activity: Activity
  private readonly end: SessionLoss
  private readonly statements: PgSessionStatements
  /** Set while the session is being made clean; whoever asks meanwhile waits for the same end. */
  private recovering: Deferred.Deferred<boolean> | undefined = undefined
  private leaving = false

  constructor(parts: PgSessionParts) {
    this.parts = parts
    this.info = parts.info
    const { socket, tap } = parts.wire
    this.activity = new Activity(tap)
    this.end = new SessionLoss(parts, this.activity)
    this.statements = new PgSessionStatements(parts, {
      activity: this.activity,
      end: this.end,
      kill: (reason) => this.kill(reason),
      onBroken: (cause) => {
        this.end.lost ??= this.end.loss(cause)
        socket.destroy()
      }
    })
    this.start = this.statements.start
    this.cancelQuery = this.statements.abandon
    this.rows = this.statements.rows
    this.query = this.statements.query
    this.queryValues = this.statements.queryValues
    this.stream = this.statements.stream
    this.listen = this.statements.listen
    socket.on("close", this.onClose)
  }

  get lost(): SessionError | undefined {
    return this.end.lost
  }

  get lastError(): SqlError | undefined {
    return this.end.lastError
  }

  get statement(): string | undefined {
    return this.activity.statement
  }

  get busySince(): number {
    return this.activity.busySince
  }

  set times(times: PoolTimes | undefined) {
    this.statements.times = times
    this.activity.texts = times?.statements
  }

  lastReceivedAt = (): number => this.parts.wire.tap.lastReceivedAt

  isClean = (): boolean =>
    this.end.lost === undefined &&
    this.activity.inFlight === 0 &&
    this.activity.taint === "clean" &&
    this.statements.isAtRest &&
    this.recovering === undefined &&
    this.parts.wire.tap.status === "I" &&
    this.parts.wire.tap.fatal === undefined

  prepend = (sql: string): void => {
    this.statements.ahead = sql
  }

  removePrepended = (): boolean => {
    const deferred = this.statements.ahead !== undefined
    this.statements.ahead = undefined
    return deferred
  }

  probe: Effect.Effect<boolean> = onMachineClock(
    Effect.suspend(() =>
      this.lost !== undefined
        ? Effect.succeed(false)
        : this.statements.plain("").pipe(
            Effect.as(true),
            Effect.raceFirst(Effect.as(sleepWhileReading(PROBE_MILLIS, this.parts.now), false)),
            Effect.catch(() => Effect.succeed(false)),
            // The peer may have answered the probe and said goodbye in one breath.
            Effect.map((answered) => answered && this.lost === undefined && this.parts.wire.tap.fatal === undefined)
          )
    )
  )

  recover: Effect.Effect<boolean> = onMachineClock(
    Effect.suspend(() => {
      // The driver may fail the statement just before the socket tells its end; that end is a loss, not our doing.
      if (this.lost !== undefined) return Effect.as(pendingReads, false)
      if (this.activity.taint === "close") return Effect.succeed(false)
      if (this.recovering !== undefined) return Deferred.await(this.recovering)
      const recovered = (this.recovering = Deferred.makeUnsafe<boolean>())
      return this.clear().pipe(
        Effect.timeoutOrElse({ duration: RECOVER_MILLIS, orElse: () => Effect.succeed(false) }),
        Effect.catchCause(() => Effect.succeed(false)),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            this.recovering = undefined
            Deferred.doneUnsafe(recovered, exit)
          })
        )
      )
    })
  )

  cancel: Effect.Effect<void> = onMachineClock(
    Effect.suspend(() => (this.lost !== undefined || this.busySince === 0 ? Effect.void : this.statements.settle()))
  )

  kill = (reason: SessionError): void => {
    if (this.lost !== undefined) return
    this.end.lost = reason
    this.parts.wire.socket.destroy()
  }

  close: Effect.Effect<void> = onMachineClock(
    Effect.suspend(() => {
      this.leaving = true
      return Effect.andThen(
        terminate(this.parts.wire.socket, this.parts.scope),
        Effect.sync(() => {
          this.end.lost ??= SessionError.poolClosed({ draining: false })
        })
      )
    })
  )

  private readonly onClose = (): void => {
    const first = this.end.lost === undefined
    const lost = (this.end.lost ??= this.leaving
      ? SessionError.poolClosed({ draining: false })
      : this.end.loss(undefined))
    if (!this.leaving) this.onLost?.(lost)
    this.statements.fail(lost)
    if (first) this.activity.busySince = 0
  }

  private readonly clear = Effect.fnUntraced(function* (this: PgSession): Effect.fn.Return<boolean, SqlError> {
    if (this.activity.inFlight > 0) yield* this.statements.settle()
    yield* this.statements.settling.finished
    this.statements.ahead = undefined
    if (this.lost !== undefined) return false
    const { tap } = this.parts.wire
    if (tap.status !== "I") yield* this.statements.plain("rollback")
    if (this.activity.taint === "reset" && (yield* resetSession(this.statements.plain, this.parts.settings))) {
      this.activity.taint = "clean"
    }
    // Bytes that the driver has not read to the end yet: their rest comes before the answer.
    if (!this.statements.isAtRest) yield* this.statements.plain("")
    return this.lost === undefined && this.activity.taint === "clean" && tap.status === "I" && this.statements.isAtRest
  })
}
