/** A `Session` without a socket that behaves as its script says. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Notification, Result } from "@effect/sql-pg/PgConnection"
import type { Query, QueryHandle, ResultHandler, QueryResult } from "../../services/wire/query/Query.ts"
import type { Session, SessionInfo } from "../../services/session/Session.ts"
import { strongerTaint, type Taint, taintOf } from "../../services/stats/StatementText.ts"
import { SessionError } from "../../services/errors/SessionError.ts"
import { toSqlError } from "../../services/errors/SqlErrors.ts"
import { STOP_MILLIS, GRACE_MILLIS } from "../../services/session/Cancellation.ts"
import { failStatement, withOutcome } from "../../services/session/Outcome.ts"
import { isCommit, isRepeatable } from "../../services/stats/StatementEffects.ts"
import { CLOSE_MILLIS, PROBE_MILLIS, RECOVER_MILLIS } from "../../services/session/PgSession.ts"
import { connectionReset, cancelTimedOut } from "./Failures.ts"
import { pause, type SessionScript } from "./Script.ts"
import { TransactionBlock } from "./TransactionBlock.ts"
import type * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"

/** The server of one scripted session: whether and how late it answers. */
class Peer {
  private readonly now: () => number
  private script: SessionScript
  private silentSince: number | undefined = undefined
  private receivedAt: number

  constructor(script: SessionScript, now: () => number) {
    this.script = script
    this.now = now
    this.receivedAt = now()
  }

  get isSilent(): boolean {
    return this.silentSince !== undefined
  }

  get recovers(): boolean {
    return this.script.recovers !== false
  }

  get roundTripMillis(): number {
    return this.script.roundTripMillis ?? 0
  }

  /** How long an interrupted statement takes to stop; infinite when the peer is silent. */
  get settleMillis(): number {
    return this.isSilent ? Number.POSITIVE_INFINITY : (this.script.settleMillis ?? GRACE_MILLIS)
  }

  /** How long the peer takes to close the socket; infinite when it is silent. */
  get closeMillis(): number {
    return this.isSilent ? Number.POSITIVE_INFINITY : (this.script.closeMillis ?? 0)
  }

  get lastReceivedAt(): number {
    return this.script.heartbeat === true ? (this.silentSince ?? this.now()) : this.receivedAt
  }

  behave(script: SessionScript): void {
    this.script = { ...this.script, ...script }
  }

  silence(): void {
    this.silentSince ??= this.now()
  }

  received(at: number = this.now()): void {
    this.receivedAt = at
  }

  /** One round trip: true when the peer answered it within the limit. */
  answersWithin(limitMillis: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const answers = !this.isSilent && this.roundTripMillis < limitMillis
      return Effect.map(pause(answers ? this.roundTripMillis : limitMillis), () => {
        if (answers) this.received()
        return answers
      })
    })
  }

  /** The answer after a round trip; never, if the peer has become silent meanwhile. */
  delay<A, E>(answer: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const late = this.roundTripMillis > 0 ? Effect.andThen(Effect.sleep(this.roundTripMillis), answer) : answer
    return Effect.matchCauseEffect(late, {
      onFailure: (cause) => (this.isSilent ? Effect.never : Effect.failCause(cause)),
      onSuccess: (result) => (this.isSilent ? Effect.never : Effect.succeed(result))
    })
  }
}

const answerOf = (result: Result): QueryResult => ({
  objects: result.rows,
  values: result.rows.map((row) => Object.values(row)),
  result
})

/** A statement that was started without a fiber of the caller. */
class ScriptedStatement implements QueryHandle {
  handler: ResultHandler | undefined
  private readonly fiber: Fiber.Fiber<Result, SqlError>

  constructor(
    run: Effect.Effect<Result, SqlError>,
    handler: ResultHandler,
    { context, now }: { readonly context: Context.Context<never>; readonly now: () => number }
  ) {
    this.handler = handler
    this.fiber = Effect.runForkWith(context)(run)
    this.fiber.addObserver((exit) => {
      if (exit._tag === "Success") this.handler?.onSuccess(answerOf(exit.value), now())
      else this.handler?.onFailure(exit.cause)
    })
  }

  /** Interrupts the statement; its handler is not called. */
  abandon(): void {
    this.handler = undefined
    this.fiber.interruptUnsafe()
  }
}

/** Constructor arguments of `ScriptedSession`. */
export interface ScriptedSessionParts {
  readonly info: SessionInfo
  readonly script: SessionScript
  readonly context: Context.Context<never>
  readonly now: () => number
  /** Runs a statement; dies on one that the script does not expect. */
  readonly answer: (
    sql: string,
    params: ReadonlyArray<unknown>,
    transaction: TransactionBlock
  ) => Effect.Effect<Result, SqlError>
  readonly listen: (channel: string) => Effect.Effect<Queue.Queue<Notification, SqlError>, never, Scope.Scope>
  /** Called once, when a real session's socket would be closed. */
  readonly onClosed: () => void
}

export class ScriptedSession implements Session {
  readonly info: SessionInfo
  lost: SessionError | undefined = undefined
  onLost: ((error: SessionError) => void) | undefined = undefined
  statement: string | undefined = undefined
  busySince = 0

  private readonly parts: ScriptedSessionParts
  private readonly peer: Peer
  private readonly transaction = new TransactionBlock()
  private readonly loss = Deferred.makeUnsafe<never, SqlError>()
  private inFlight = 0
  private taint: Taint = "clean"
  private settling: Deferred.Deferred<void> | undefined = undefined
  private recovering: Deferred.Deferred<boolean> | undefined = undefined
  private readonly listening = new Set<Queue.Queue<Notification, SqlError>>()
  /** Sent ahead of the next statement. */
  private ahead: string | undefined = undefined
  private closing = false
  private isClosed = false

  constructor(parts: ScriptedSessionParts) {
    this.parts = parts
    this.info = parts.info
    this.peer = new Peer(parts.script, parts.now)
  }

  /** Changes how the session behaves from now on. */
  behave(script: Omit<SessionScript, "statements">): void {
    this.peer.behave(script)
  }

  /** The peer answers nothing any more; statements and probes wait until they time out. */
  silence(): void {
    this.peer.silence()
  }

  /** Sets when the peer sent something last, in milliseconds of the Clock; it still answers. */
  setLastReceivedAt(millis: number): void {
    this.peer.received(millis)
  }

  /** Marks the session as a statement does that leaves state behind. */
  leaveState(how: Exclude<Taint, "clean"> = "reset"): void {
    this.taint = strongerTaint(this.taint, how)
  }

  /** The peer ends the session; default: it resets the connection. */
  lose(error: SessionError = connectionReset(this.inFlight > 0)): void {
    this.kill(error)
  }

  lastReceivedAt = (): number => this.peer.lastReceivedAt

  isClean = (): boolean =>
    this.lost === undefined &&
    this.inFlight === 0 &&
    this.ahead === undefined &&
    this.taint === "clean" &&
    this.settling === undefined &&
    this.recovering === undefined &&
    this.transaction.status === "I"

  get isInTransaction(): boolean {
    return this.inFlight > 0 || this.settling !== undefined || this.transaction.status !== "I"
  }

  start = ({ params, sql }: Query, _now: number, handler: ResultHandler): QueryHandle =>
    new ScriptedStatement(this.run(sql, params), handler, this.parts)

  cancelQuery = (handle: QueryHandle): void => (handle as ScriptedStatement).abandon()

  prepend = (sql: string): void => {
    this.ahead = sql
  }

  removePrepended = (): boolean => {
    const deferred = this.ahead !== undefined
    this.ahead = undefined
    return deferred
  }

  rows: Session["rows"] = (sql, params) => Effect.map(this.runForCaller(sql, params), ({ rows }) => rows)

  query: Session["query"] = (sql, params) => this.runForCaller(sql, params)

  queryValues: Session["queryValues"] = (sql, params) =>
    Effect.map(this.runForCaller(sql, params), (result) => answerOf(result).values)

  stream: Session["stream"] = (sql, params) =>
    Stream.unwrap(Effect.map(this.runForCaller(sql, params), ({ rows }) => Stream.fromIterable(rows)))

  listen: Session["listen"] = (channel) =>
    Effect.suspend(() => {
      if (this.lost !== undefined) return Effect.fail(toSqlError(this.lost))
      this.leaveState()
      return Effect.tap(this.parts.listen(channel), (queue) => Effect.sync(() => this.listening.add(queue)))
    })

  probe: Effect.Effect<boolean> = Effect.suspend(() => {
    if (this.lost !== undefined) return Effect.succeed(false)
    return this.untilLost(this.peer.answersWithin(PROBE_MILLIS)).pipe(
      Effect.catch(() => Effect.succeed(false)),
      Effect.map((answered) => answered && this.lost === undefined)
    )
  })

  recover: Effect.Effect<boolean> = Effect.suspend(() => {
    if (this.lost !== undefined || this.taint === "close") return Effect.succeed(false)
    if (this.recovering !== undefined) return Deferred.await(this.recovering)
    const recovered = (this.recovering = Deferred.makeUnsafe<boolean>())
    return this.clear().pipe(
      Effect.timeoutOrElse({ duration: RECOVER_MILLIS, orElse: () => Effect.succeed(false) }),
      Effect.catch(() => Effect.succeed(false)),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          this.recovering = undefined
          Deferred.doneUnsafe(recovered, exit)
        })
      )
    )
  })

  cancel: Effect.Effect<void> = Effect.suspend(() =>
    this.lost !== undefined || this.busySince === 0 ? Effect.void : this.settle()
  )

  /** Statements in flight fail at once; `onLost` is called a microtask later, as when a socket closes. */
  kill = (error: SessionError): void => {
    if (this.lost !== undefined) return
    this.lost = error
    this.busySince = 0
    const failure = toSqlError(error)
    Deferred.doneUnsafe(this.loss, Effect.fail(failure))
    for (const queue of this.listening) Queue.failCauseUnsafe(queue, Cause.fail(failure))
    queueMicrotask(() => {
      this.closeSocket()
      if (!this.closing) this.onLost?.(error)
    })
  }

  close: Effect.Effect<void> = Effect.suspend(() => {
    this.closing = true
    if (this.isClosed) return Effect.void
    const wait = this.lost !== undefined ? 0 : Math.min(CLOSE_MILLIS, this.peer.closeMillis)
    return Effect.andThen(
      pause(wait),
      Effect.sync(() => {
        this.lost ??= SessionError.poolClosed({ draining: false })
        this.closeSocket()
      })
    )
  })

  private closeSocket(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.parts.onClosed()
  }

  private untilLost<A>(effect: Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.raceFirst(effect, Deferred.await(this.loss))
  }

  private run(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return Effect.suspend(() => {
      const { ahead } = this
      this.ahead = undefined
      if (ahead !== undefined) {
        const deferAgain = () => Effect.sync(() => this.prepend(ahead))
        return Effect.andThen(Effect.tapError(this.run(ahead, []), deferAgain), this.run(sql, params))
      }
      if (this.lost !== undefined) return Effect.fail(toSqlError(this.lost))
      if (this.settling !== undefined) {
        return Effect.flatMap(Deferred.await(this.settling), () => this.run(sql, params))
      }
      this.begin(sql)
      const { status } = this.transaction
      const began = this.parts.now()
      const isSafe = () => (status === "I" ? isRepeatable(sql) : !isCommit(sql))
      return Effect.mapError(
        Effect.onExitPrimitive(this.untilLost(this.answered(sql, params)), this.onExit(sql)),
        (error) => withOutcome(error, { host: "", port: 0, elapsedMillis: this.parts.now() - began }, isSafe)
      )
    })
  }

  private runForCaller(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return Effect.catchCause(this.run(sql, params), failStatement)
  }

  private answered(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return Effect.suspend(() => {
      if (this.peer.isSilent) return Effect.never
      const refused = this.transaction.errorFor(sql)
      return this.peer.delay(
        refused === undefined ? this.parts.answer(sql, params, this.transaction) : Effect.fail(refused)
      )
    })
  }

  private begin(sql: string): void {
    this.statement = sql
    // A test's clock starts at 0, which means that nothing runs.
    if (this.inFlight++ === 0) this.busySince = Math.max(this.parts.now(), Number.EPSILON)
    this.taint = strongerTaint(this.taint, taintOf(sql))
  }

  private readonly onExit =
    (sql: string) =>
    (exit: Exit.Exit<unknown, SqlError>): undefined => {
      if (Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)) {
        Effect.runForkWith(this.parts.context)(this.settle())
        return undefined
      }
      if (this.inFlight > 0 && --this.inFlight === 0) this.busySince = 0
      if (this.lost !== undefined) return undefined
      this.peer.received()
      if (Exit.isSuccess(exit)) this.transaction.succeeded(sql)
      else this.transaction.failed()
      return undefined
    }

  /** Waits until an abandoned statement has stopped; kills the session when it does not. */
  private settle(): Effect.Effect<void> {
    if (this.settling !== undefined) return Deferred.await(this.settling)
    const settled = (this.settling = Deferred.makeUnsafe<void>())
    const began = this.parts.now()
    const busy = this.busySince
    const wanted = this.peer.settleMillis
    const stops = wanted < STOP_MILLIS
    return Effect.raceFirst(pause(stops ? wanted : STOP_MILLIS), Effect.ignore(Deferred.await(this.loss))).pipe(
      Effect.andThen(
        Effect.sync(() => {
          this.settling = undefined
          this.inFlight = 0
          this.busySince = 0
          if (stops) {
            this.peer.received()
            this.transaction.failed()
          } else this.kill(cancelTimedOut(this.parts.now() - (busy > 0 ? busy : began), STOP_MILLIS))
          Deferred.doneUnsafe(settled, Effect.void)
        })
      ),
      Effect.uninterruptible
    )
  }

  private readonly clear = Effect.fnUntraced(function* (this: ScriptedSession): Effect.fn.Return<boolean, SqlError> {
    this.ahead = undefined
    if (this.inFlight > 0) yield* this.settle()
    if (this.settling !== undefined) yield* Deferred.await(this.settling)
    if (this.lost !== undefined) return false
    const answered = yield* this.untilLost(this.peer.answersWithin(RECOVER_MILLIS))
    if (!answered || !this.peer.recovers || this.lost !== undefined) return false
    if (this.transaction.status !== "I") {
      yield* this.parts.answer("rollback", [], this.transaction)
      this.transaction.succeeded("rollback")
    }
    this.taint = "clean"
    return true
  })
}
