/** A session without a socket: keeps every promise of `Session`, and says what its script says. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Notification, Result, Row } from "@effect/sql-pg/PgConnection"
import type { Query, QueryHandle, ResultHandler } from "../../services/wire/query/Query.ts"
import type { Session, SessionInfo } from "../../services/session/Session.ts"
import { strongerTaint, type Taint, taintOf } from "../../services/stats/StatementText.ts"
import { SessionError } from "../../services/errors/SessionError.ts"
import { toSqlError } from "../../services/errors/SqlErrors.ts"
import { reset, unsettled } from "./Failures.ts"
import { Peer } from "./Peer.ts"
import { pause, type SessionScript } from "./Script.ts"
import type { ScriptedSessionParts } from "./ScriptedSessionParts.ts"
import { ScriptedStatement } from "./ScriptedStatement.ts"
import { TransactionBlock } from "./TransactionBlock.ts"

/** How long a real session waits for a cancelled statement or a recovery before it gives itself up. */
const SETTLE_LIMIT_MILLIS = 5000

/** How long a real session waits for the answer to a probe. */
const PROBE_MILLIS = 2000

/** How long a real session waits for the server to hang up after its goodbye. */
const CLOSE_LIMIT_MILLIS = 2000

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
  /** What the next statement takes along ahead of itself. */
  private ahead: string | undefined = undefined
  private leaving = false
  private isGone = false

  constructor(parts: ScriptedSessionParts) {
    this.parts = parts
    this.info = parts.info
    this.peer = new Peer(parts.script, parts.now)
  }

  /** Changes how the session behaves from now on. */
  behave(script: Omit<SessionScript, "statements">): void {
    this.peer.behave(script)
  }

  /** The peer says nothing more: statements and probes wait in vain. */
  silence(): void {
    this.peer.silence()
  }

  /** The peer has not been heard of since that instant of the Clock, but it answers when it is asked. */
  lastHeardAt(millis: number): void {
    this.peer.hear(millis)
  }

  /** Something is left behind in the session, as a statement that changes its state would leave it. */
  soil(how: Exclude<Taint, "clean"> = "reset"): void {
    this.taint = strongerTaint(this.taint, how)
  }

  /** The other side ends the session; default: it resets the connection. */
  lose(error: SessionError = reset(this.inFlight > 0)): void {
    if (this.lost !== undefined) return
    this.end(error)
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

  start = ({ params, sql }: Query, _now: number, asker: ResultHandler): QueryHandle =>
    new ScriptedStatement(this.run(sql, params), asker, this.parts)

  cancelQuery = (asked: QueryHandle): void => (asked as ScriptedStatement).abandon()

  prepend = (sql: string): void => {
    this.ahead = sql
  }

  removePrepended = (): boolean => {
    const deferred = this.ahead !== undefined
    this.ahead = undefined
    return deferred
  }

  rows = (
    sql: string,
    params: ReadonlyArray<unknown>,
    _prepare: boolean
  ): Effect.Effect<ReadonlyArray<Row>, SqlError> => Effect.map(this.run(sql, params), ({ rows }) => rows)

  query = (sql: string, params: ReadonlyArray<unknown>, _prepare: boolean): Effect.Effect<Result, SqlError> =>
    this.run(sql, params)

  queryValues = (
    sql: string,
    params: ReadonlyArray<unknown>,
    _prepare: boolean
  ): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError> =>
    Effect.map(this.run(sql, params), ({ rows }) => rows.map((row) => Object.values(row)))

  stream = (sql: string, params: ReadonlyArray<unknown>): Stream.Stream<Row, SqlError> =>
    Stream.unwrap(Effect.map(this.run(sql, params), ({ rows }) => Stream.fromIterable(rows)))

  listen = (channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> =>
    Effect.suspend(() => {
      if (this.lost !== undefined) return Effect.fail(toSqlError(this.lost))
      this.soil()
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
      Effect.timeoutOrElse({ duration: SETTLE_LIMIT_MILLIS, orElse: () => Effect.succeed(false) }),
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

  kill = (reason: SessionError): void => {
    if (this.lost !== undefined) return
    this.end(reason)
  }

  close: Effect.Effect<void> = Effect.suspend(() => {
    this.leaving = true
    if (this.isGone) return Effect.void
    const wait = this.lost !== undefined ? 0 : Math.min(CLOSE_LIMIT_MILLIS, this.peer.closeMillis)
    return Effect.andThen(
      pause(wait),
      Effect.sync(() => {
        this.lost ??= SessionError.poolClosed({ draining: false })
        this.leave()
      })
    )
  })

  /** What was in flight fails at once; the pool hears of it a moment later, as of a socket that closes. */
  private end(error: SessionError): void {
    this.lost = error
    this.busySince = 0
    const failure = toSqlError(error)
    Deferred.doneUnsafe(this.loss, Effect.fail(failure))
    for (const queue of this.listening) Queue.failCauseUnsafe(queue, Cause.fail(failure))
    queueMicrotask(() => {
      this.leave()
      if (!this.leaving) this.onLost?.(error)
    })
  }

  private leave(): void {
    if (this.isGone) return
    this.isGone = true
    this.parts.gone()
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
      return Effect.onExitPrimitive(this.untilLost(this.answered(sql, params)), this.onExit(sql))
    })
  }

  private answered(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return Effect.suspend(() => {
      if (this.peer.isSilent) return Effect.never
      const refused = this.transaction.refusal(sql)
      return this.peer.delay(
        refused === undefined ? this.parts.answer(sql, params, this.transaction) : Effect.fail(refused)
      )
    })
  }

  private begin(sql: string): void {
    this.statement = sql
    // A test's clock starts at 0, which would say that nothing runs.
    if (this.inFlight++ === 0) this.busySince = Math.max(this.parts.now(), Number.EPSILON)
    this.taint = strongerTaint(this.taint, taintOf(sql))
  }

  private finish(): void {
    if (this.inFlight === 0 || --this.inFlight > 0) return
    this.busySince = 0
  }

  private readonly onExit =
    (sql: string) =>
    (exit: Exit.Exit<unknown, SqlError>): undefined => {
      if (Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)) {
        Effect.runForkWith(this.parts.context)(this.settle())
        return undefined
      }
      this.finish()
      if (this.lost !== undefined) return undefined
      this.peer.hear()
      if (Exit.isSuccess(exit)) this.transaction.succeeded(sql)
      else this.transaction.failed()
      return undefined
    }

  /** Waits until a statement that nobody waits for has stopped; the session goes when it does not. */
  private settle(): Effect.Effect<void> {
    if (this.settling !== undefined) return Deferred.await(this.settling)
    const settled = (this.settling = Deferred.makeUnsafe<void>())
    const began = this.parts.now()
    const busy = this.busySince
    const wanted = this.peer.settleMillis
    const stops = wanted < SETTLE_LIMIT_MILLIS
    return Effect.raceFirst(pause(stops ? wanted : SETTLE_LIMIT_MILLIS), Effect.ignore(Deferred.await(this.loss))).pipe(
      Effect.andThen(
        Effect.sync(() => {
          this.settling = undefined
          this.inFlight = 0
          this.busySince = 0
          if (stops) {
            this.peer.hear()
            this.transaction.failed()
          } else this.kill(unsettled(this.parts.now() - (busy > 0 ? busy : began), SETTLE_LIMIT_MILLIS))
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
    const answered = yield* this.untilLost(this.peer.answersWithin(SETTLE_LIMIT_MILLIS))
    if (!answered || !this.peer.recovers || this.lost !== undefined) return false
    if (this.transaction.status !== "I") {
      yield* this.parts.answer("rollback", [], this.transaction)
      this.transaction.succeeded("rollback")
    }
    this.taint = "clean"
    return true
  })
}
