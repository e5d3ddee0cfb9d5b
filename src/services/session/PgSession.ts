/**
 * A session with a real server: its statements, their cancellation, its cleanup and its end.
 *
 * Statements go through the query pipeline, or through the driver while that streams or listens. A statement whose caller
 * has left is cancelled in the background; later statements wait until that is done.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type * as Net from "node:net"
import type { PgConnection, Result, Row } from "@effect/sql-pg/PgConnection"
import { SessionError } from "../errors/SessionError.ts"
import { notAnswered, notSent, toSqlError } from "../errors/SqlErrors.ts"
import { failureOf } from "../stats/OperationTimes.ts"
import { isChain } from "../stats/StatementEffects.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import { onMachineClock } from "../wire/MonotonicClock.ts"
import type { InFlightQuery } from "../wire/query/InFlightQuery.ts"
import { driverParameters } from "../wire/query/ParameterTypes.ts"
import type { TypeCatalogue } from "../wire/query/TypeCatalogue.ts"
import type { Query, QueryHandle, QueryResult, ResultHandler } from "../wire/query/Query.ts"
import type { Endpoint, Wire } from "../wire/Transport.ts"
import { Activity } from "./Activity.ts"
import { cancelAndDrain, drainDriver, PendingCleanup } from "./Cancellation.ts"
import type { DriverOptionsShape } from "./DriverOptions.ts"
import { detachedListen, detachedStream, DriverPin } from "./DriverPin.ts"
import { asResult, asRows, asValues, type ResultForm, toQueryResult, WaitingFiber } from "./ResultForm.ts"
import { failStatement } from "./Outcome.ts"
import { type PortalHost, portalStream } from "./PortalStream.ts"
import type { Session, SessionInfo } from "./Session.ts"
import { cancelFailed, SessionLoss } from "./SessionLoss.ts"
import { applyStatement, readFacts, type SessionSettings, unapplied } from "./SessionSettings.ts"
import { WireOwnership } from "./WireOwnership.ts"

/** Constructor arguments of `PgSession`. */
interface PgSessionParts {
  readonly info: SessionInfo
  readonly endpoint: Endpoint
  readonly wire: Wire
  readonly connection: PgConnection
  readonly scope: Scope.Closeable
  readonly settings: SessionSettings
  readonly driver: DriverOptionsShape
  /** The types of the database, shared by all sessions of a pool. */
  readonly types: TypeCatalogue
  /** Whether statements may be named on the server. */
  readonly named: boolean
  readonly context: Context.Context<never>
  readonly now: () => number
}

/** How long a rollback and a reset may take together before the session is closed instead. */
export const RECOVER_MILLIS = 5000

/** How long a peer may take to answer a probe: a caller waits for it. */
export const PROBE_MILLIS = 2000

/** How long the server may take to close the connection after Terminate before the socket is destroyed. */
export const CLOSE_MILLIS = 2000

/** A timer that fires later than this was delayed by a stalled process, not by a busy machine. */
const LATE_MILLIS = 50

/**
 * What DISCARD ALL does, less DEALLOCATE ALL: the named statements are kept, so that a reset does not cost every
 * statement its plan (PostgreSQL docs, DISCARD).
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

/** Closes the driver's scope, which writes Terminate, and waits until the socket is closed. */
export const terminate = (socket: Net.Socket, scope: Scope.Closeable): Effect.Effect<void> => {
  if (socket.closed) return Effect.void
  const closed = Effect.callback<void>((resume) => {
    const onClose = () => resume(Effect.void)
    // A quick server may have closed the connection while Terminate was written.
    if (socket.closed) return resume(Effect.void)
    socket.once("close", onClose)
    return Effect.sync(() => {
      socket.off("close", onClose)
    })
  })
  // A socket with unread data reports the server's close only after the data is read.
  socket.resume()
  return Scope.close(scope, Exit.void).pipe(
    Effect.andThen(Effect.timeoutOption(closed, CLOSE_MILLIS)),
    Effect.andThen(Effect.sync(() => socket.destroy()))
  )
}

/**
 * Waits until the event loop has read its sockets and has passed on what it read.
 *
 * After a stall Node runs the due timers before it polls any socket (Node.js docs, "The Node.js Event Loop"), so a
 * deadline would pass although the answer has arrived. Two turns: one reads, one wakes the fibers that wait for it.
 */
const pendingReads: Effect.Effect<void> = Effect.callback<void>((resume) => {
  let turn = setImmediate(() => {
    turn = setImmediate(() => resume(Effect.void))
  })
  return Effect.sync(() => clearImmediate(turn))
})

/**
 * Sleeps for a time in which the process could read. A process that stalled meanwhile sleeps once more: what it wrote
 * may have left only after the stall.
 */
const sleepWhileReading = (millis: number, now: () => number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const startedAt = now()
    return Effect.andThen(
      Effect.sleep(millis),
      Effect.suspend(() => (now() - startedAt > millis + LATE_MILLIS ? Effect.sleep(millis) : pendingReads))
    )
  })

/** A statement that the driver runs for a caller without a fiber. */
interface DrivenQuery extends QueryHandle {
  readonly fiber: Fiber.Fiber<QueryResult, SqlError>
}

export class PgSession implements Session {
  readonly info: SessionInfo
  onLost: ((error: SessionError) => void) | undefined = undefined
  readonly start: Session["start"]
  readonly cancelQuery: Session["cancelQuery"]

  private readonly parts: PgSessionParts
  private readonly activity: Activity
  private readonly loss: SessionLoss
  private readonly wire: WireOwnership
  private readonly driver: DriverPin
  private readonly cleanup = new PendingCleanup()
  private measured: PoolTimes | undefined = undefined
  /** The statement that travels ahead of the next one. */
  private prepended: string | undefined = undefined
  /** Whether AND CHAIN has replaced the transaction by another one. */
  private isChained = false
  /** Set while the session is recovered; later calls wait for the same result. */
  private recovering: Deferred.Deferred<boolean> | undefined = undefined
  private isClosing = false
  private readonly portalHost: PortalHost = {
    ready: Effect.suspend(() => this.afterCleanup),
    isReady: () => !this.mustWait && !this.wire.isDriverActive,
    start: (query, handler) => this.startInPipeline(query, this.parts.now(), handler)
  }
  /** Runs what no caller waits for. */
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

  constructor(parts: PgSessionParts) {
    this.parts = parts
    this.info = parts.info
    this.fork = Effect.runForkWith(parts.context)
    const { socket, tap } = parts.wire
    this.activity = new Activity(tap)
    this.loss = new SessionLoss(parts, this.activity)
    this.wire = new WireOwnership({
      socket,
      tap,
      now: parts.now,
      driver: parts.driver,
      types: parts.types,
      onBroken: (cause) => {
        this.loss.error ??= this.loss.describe(cause)
        socket.destroy()
      }
    })
    this.driver = new DriverPin(parts.connection, this.wire, parts.context)
    this.start = this.wire.isDriverOnly ? this.startInDriver : this.startInPipeline
    this.cancelQuery = this.wire.isDriverOnly ? this.cancelInDriver : this.cancelInPipeline
    socket.on("close", this.onClose)
  }

  /** Whether every statement goes through the driver, because its readers were not found. */
  get isDriverOnly(): boolean {
    return this.wire.isDriverOnly
  }

  get lost(): SessionError | undefined {
    return this.loss.error
  }

  get lastError(): SqlError | undefined {
    return this.loss.lastError
  }

  get statement(): string | undefined {
    return this.activity.statement
  }

  get busySince(): number {
    return this.activity.busySince
  }

  set times(times: PoolTimes | undefined) {
    this.measured = times
    this.activity.texts = times?.statements
  }

  lastReceivedAt = (): number => this.parts.wire.tap.lastReceivedAt

  isClean = (): boolean =>
    this.loss.error === undefined &&
    this.activity.inFlight === 0 &&
    this.activity.taint === "clean" &&
    this.isAtRest &&
    this.recovering === undefined &&
    this.parts.wire.tap.status === "I" &&
    this.loss.isOpen

  /** Whether nothing is left to be sent, to be cancelled or to be read by the driver. */
  private get isAtRest(): boolean {
    return this.prepended === undefined && !this.cleanup.isPending && !this.wire.isDriverBusy
  }

  get isInTransaction(): boolean {
    const isSettled = this.activity.inFlight === 0 && !this.cleanup.isPending
    return !isSettled || (this.parts.wire.tap.status !== "I" && !this.isChained)
  }

  prepend = (sql: string): void => {
    this.isChained = false
    this.prepended = sql
  }

  removePrepended = (): boolean => {
    const isPrepended = this.prepended !== undefined
    this.prepended = undefined
    return isPrepended
  }

  rows: Session["rows"] = (sql, params, named) => this.run(asRows, sql, params, named)

  query: Session["query"] = (sql, params, named) => this.run(asResult, sql, params, named)

  queryValues: Session["queryValues"] = (sql, params, named) => this.run(asValues, sql, params, named)

  stream: Session["stream"] = (sql, params) => {
    const isPortal = () => this.parts.wire.tap.status !== "I" && !this.wire.isDriverActive
    const make = () => (isPortal() ? portalStream(this.portalHost, { sql, params }) : this.driverStream(sql, params))
    return Stream.unwrap(Effect.map(this.afterCleanup, make))
  }

  private driverStream(sql: string, params: ReadonlyArray<unknown>): Stream.Stream<Row, SqlError> {
    let release: (() => void) | undefined
    const isInTransaction = this.parts.wire.tap.status !== "I"
    return detachedStream(
      () => {
        this.activity.begin(sql, this.parts.now())
        release = this.driver.acquire()
        return Stream.unwrap(
          Effect.map(this.forDriver(sql, params), (sent) => this.driver.connection.stream(sql, sent))
        )
      },
      {
        onError: (error) => failStatement(Cause.fail(this.loss.explainSent(error, sql, isInTransaction))),
        fork: (close) => {
          const acquired = release
          if (acquired === undefined) return this.fork(close)
          return this.closeInBackground(close, () => {
            this.activity.end()
            acquired()
          })
        }
      }
    )
  }

  listen: Session["listen"] = (channel) =>
    Effect.flatMap(this.afterCleanup, () => {
      this.activity.addTaint("reset")
      this.activity.statement = `LISTEN ${channel}`
      const listening = Effect.andThen(
        this.driver.pinned,
        Effect.suspend(() => Effect.mapError(this.driver.connection.listen(channel), this.loss.explain))
      )
      return detachedListen(listening, (close) => this.closeInBackground(close, () => {}))
    })

  probe: Effect.Effect<boolean> = onMachineClock(
    Effect.suspend(() =>
      this.lost !== undefined
        ? Effect.succeed(false)
        : this.internalQuery("").pipe(
            Effect.as(true),
            Effect.raceFirst(Effect.as(sleepWhileReading(PROBE_MILLIS, this.parts.now), false)),
            Effect.catch(() => Effect.succeed(false)),
            // The reply and a FATAL may arrive in one read.
            Effect.map((answered) => answered && this.lost === undefined && this.loss.isOpen)
          )
    )
  )

  recover: Effect.Effect<boolean> = onMachineClock(
    Effect.suspend(() => {
      // The driver may fail the statement just before the socket reports its end; that end is a loss, not a close.
      if (this.lost !== undefined) return Effect.as(pendingReads, false)
      if (this.activity.taint === "close" || !this.parts.wire.socket.writable) return Effect.succeed(false)
      if (this.recovering !== undefined) return Deferred.await(this.recovering)
      const recovered = (this.recovering = Deferred.makeUnsafe<boolean>())
      return this.restore().pipe(
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
    Effect.suspend(() => (this.lost !== undefined || this.busySince === 0 ? Effect.void : this.cleanUp()))
  )

  kill = (reason: SessionError): void => {
    if (this.loss.error !== undefined) return
    this.loss.error = reason
    this.parts.wire.socket.destroy()
  }

  close: Effect.Effect<void> = onMachineClock(
    Effect.suspend(() => {
      this.isClosing = true
      return Effect.andThen(
        terminate(this.parts.wire.socket, this.parts.scope),
        Effect.sync(() => {
          this.loss.error ??= SessionError.poolClosed({ draining: false })
        })
      )
    })
  )

  private readonly onClose = (): void => {
    const isFirst = this.loss.error === undefined
    const lost = (this.loss.error ??= this.isClosing
      ? SessionError.poolClosed({ draining: false })
      : this.loss.describe(undefined))
    if (!this.isClosing) this.onLost?.(lost)
    this.wire.pipeline.fail(lost)
    if (isFirst) this.activity.busySince = 0
  }

  private readonly startInPipeline = (
    query: Query,
    now: number,
    handler: ResultHandler,
    batched = false
  ): InFlightQuery | undefined => {
    // Nothing is written that the server would not read.
    if (!this.loss.isOpen && this.activity.inFlight === 0) this.kill(this.loss.describe(undefined))
    if (this.loss.error !== undefined) {
      handler.onFailure(Cause.fail(toSqlError(this.loss.error)))
      return undefined
    }
    this.activity.begin(query.sql, now)
    const { prepended } = this
    try {
      const inFlight = this.wire.pipeline.send(this.withPrepended(query), batched, this.onAnswer)
      inFlight.startedAt = now
      inFlight.handler = handler
      return inFlight
    } catch (cause) {
      this.prepended = prepended
      this.activity.end()
      handler.onFailure(Cause.fail(this.loss.explain(notSent(cause))))
      return undefined
    }
  }

  private readonly cancelInPipeline = (handle: QueryHandle): void => {
    const inFlight = handle as InFlightQuery
    inFlight.handler = undefined
    this.measured?.operations?.failed(inFlight.query.sql, this.parts.now() - inFlight.startedAt, {
      errorType: "interrupted",
      sqlState: undefined
    })
    this.fork(this.cleanUp())
  }

  private readonly startInDriver = (query: Query, _now: number, handler: ResultHandler): DrivenQuery => {
    const fiber = this.fork(toQueryResult(query.form, (form) => this.run(form, query.sql, query.params, query.named)))
    const handle: DrivenQuery = { handler, fiber }
    fiber.addObserver((exit) => {
      if (exit._tag === "Success") handle.handler?.onSuccess(exit.value, this.lastReceivedAt())
      else handle.handler?.onFailure(exit.cause)
    })
    return handle
  }

  private readonly cancelInDriver = (handle: QueryHandle): void => {
    handle.handler = undefined
    ;(handle as DrivenQuery).fiber.interruptUnsafe()
  }

  private readonly onAnswer = (inFlight: InFlightQuery): void => {
    const { failure, handler, query } = inFlight
    if (failure !== undefined) this.restorePrepended(query.prepended)
    // The parts of a stream are no operations of their own.
    const operations = query.portal === undefined ? this.measured?.operations : undefined
    this.activity.end()
    if (handler === undefined) return
    const { lastReceivedAt } = this.parts.wire.tap
    if (failure === undefined) {
      if (inFlight.isTransactionEnd && this.parts.wire.tap.status === "T" && isChain(query.sql)) this.isChained = true
      operations?.succeeded(query.sql, lastReceivedAt - inFlight.startedAt)
      return handler.onSuccess(inFlight, lastReceivedAt)
    }
    const isInTransaction = query.prepended !== undefined || this.parts.wire.tap.status !== "I"
    const cause = Cause.fail(this.loss.explainSent(notAnswered(failure), query.sql, isInTransaction))
    operations?.failed(query.sql, lastReceivedAt - inFlight.startedAt, failureOf(cause, this.loss.explain))
    return handler.onFailure(cause)
  }

  /** Runs a statement through the pipeline, or through the driver while that owns the socket. */
  private run<A>(
    form: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    return Effect.callback<A, SqlError>((resume) => {
      if (this.mustWait) {
        return resume(Effect.andThen(this.afterCleanup, this.run(form, sql, params, named)))
      }
      if (this.wire.isDriverActive) {
        const inDriver = (sent: ReadonlyArray<unknown>) => form.queryDriver(this.driver.connection, sql, sent, named)
        return resume(this.drive(sql, () => Effect.flatMap(this.forDriver(sql, params), inDriver)))
      }
      const query = { sql, params, named: named && this.parts.named, form: form.form }
      const inFlight = this.startInPipeline(query, this.parts.now(), new WaitingFiber(form, resume))
      return inFlight === undefined ? undefined : Effect.sync(() => this.cancelInPipeline(inFlight))
    })
  }

  /** The parameters as the driver takes them. */
  private forDriver(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<unknown>, SqlError> {
    return Effect.try({ try: () => driverParameters(sql, params, this.parts.driver.types), catch: notSent })
  }

  private drive<A>(sql: string, execute: () => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => {
      if (this.loss.error !== undefined) return Effect.fail(toSqlError(this.loss.error))
      const began = this.parts.now()
      this.activity.begin(sql, began)
      const release = this.driver.acquire()
      const onExit = (exit: Exit.Exit<unknown, SqlError>): undefined => {
        if (Exit.isSuccess(exit) || !Cause.hasInterrupts(exit.cause)) {
          this.activity.end()
          release()
        } else {
          // A driver that is not pinned does not cancel what it runs.
          const endDriven = this.isDriverOnly ? undefined : Fiber.interrupt(driven)
          this.fork(Effect.ensuring(this.cleanUp(endDriven), Effect.sync(release)))
        }
        return undefined
      }
      const timed =
        this.measured?.operations?.timing({ sql, began, now: this.parts.now, explain: this.loss.explain }, onExit) ??
        onExit
      // A driver that listens makes an interrupted caller wait until it has drained the statement: hence a fiber.
      const isInTransaction = this.prepended !== undefined || this.parts.wire.tap.status !== "I"
      const driven = this.fork(Effect.andThen(this.sendPrepended, execute()))
      return Effect.catch(Effect.onExitPrimitive(Fiber.join(driven), timed), (error) =>
        failStatement(Cause.fail(this.loss.explainSent(error, sql, isInTransaction)))
      )
    })
  }

  /** A statement of the session's own: not counted, not timed, possible in any state. */
  private readonly internalQuery = (
    sql: string,
    params: ReadonlyArray<unknown> = [],
    batched = false
  ): Effect.Effect<Result, SqlError> =>
    Effect.suspend(() =>
      this.wire.isDriverActive
        ? Fiber.join(this.fork(this.driver.connection.query(sql, params, false)))
        : Effect.callback<Result, SqlError>((resume) => {
            this.wire.pipeline.send({ sql, params, named: false, form: "objects" }, batched, (inFlight) =>
              resume(
                inFlight.failure === undefined
                  ? Exit.succeed(inFlight.result)
                  : Exit.fail(notAnswered(inFlight.failure))
              )
            )
          })
    )

  private readonly sendPrepended: Effect.Effect<unknown, SqlError> = Effect.suspend(() => {
    const { prepended } = this
    this.prepended = undefined
    if (prepended === undefined) return Effect.void
    return Effect.tapError(this.driver.connection.query(prepended, [], false), () =>
      Effect.sync(() => this.restorePrepended(prepended))
    )
  })

  /** A BEGIN that failed is sent again: the next statement must not run outside of the transaction. */
  private restorePrepended(prepended: string | undefined): void {
    if (prepended !== undefined && this.parts.wire.tap.status === "I") this.prepended = prepended
  }

  private withPrepended(query: Query): Query {
    if (this.prepended === undefined) return query
    const { form, named, params, portal, sql } = query
    const { prepended } = this
    this.prepended = undefined
    return { sql, params, named, form, prepended, portal }
  }

  /** A CancelRequest on its way must not hit the next statement. */
  private get mustWait(): boolean {
    return this.cleanup.isPending && this.loss.error === undefined
  }

  private readonly afterCleanup: Effect.Effect<void> = Effect.suspend(() =>
    this.mustWait ? this.cleanup.finished : Effect.void
  )

  /**
   * Ends the statements in flight, or waits for the driver to end its own; later statements wait meanwhile. A session
   * that is not safe to use afterwards is lost.
   */
  private cleanUp(endDriven?: Effect.Effect<void>): Effect.Effect<void> {
    if (this.cleanup.isPending && endDriven === undefined) return this.cleanup.finished
    const finish = this.cleanup.begin()
    const { endpoint, wire } = this.parts
    // A failed transaction refuses even an empty statement: that is an answer, too.
    const ping = Effect.catch(this.internalQuery(""), (error) =>
      this.loss.error === undefined && wire.tap.status === "E" ? Effect.void : Effect.fail(error)
    )
    const isSafe =
      endDriven === undefined ? cancelAndDrain({ ping, endpoint, tap: wire.tap }) : drainDriver(endDriven, ping)
    return isSafe.pipe(
      Effect.map((safe) => {
        if (!safe) this.kill(cancelFailed(endpoint, this.activity.busyMillis(this.parts.now())))
        this.activity.clear()
        finish()
      }),
      Effect.uninterruptible
    )
  }

  /** Lets the driver close something in the background; later statements wait for it. */
  private closeInBackground(close: Effect.Effect<void>, onClosed: () => void): void {
    const finish = this.cleanup.begin()
    this.fork(
      Effect.ensuring(
        close,
        Effect.sync(() => {
          onClosed()
          finish()
        })
      )
    )
  }

  private readonly restore = Effect.fnUntraced(function* (this: PgSession): Effect.fn.Return<boolean, SqlError> {
    if (this.activity.inFlight > 0) yield* this.cleanUp()
    yield* this.cleanup.finished
    this.prepended = undefined
    if (this.lost !== undefined) return false
    const { tap } = this.parts.wire
    if (tap.status !== "I") yield* this.internalQuery("rollback")
    if (this.activity.taint === "reset" && (yield* this.reset())) this.activity.taint = "clean"
    // The rest of a message that the driver has read in part arrives before this answer.
    if (!this.isAtRest) yield* this.internalQuery("")
    return this.lost === undefined && this.activity.taint === "clean" && tap.status === "I" && this.isAtRest
  })

  /** Two writes: the reset statements together, then the settings. True when the session is as it was after login. */
  private readonly reset = Effect.fnUntraced(function* (this: PgSession): Effect.fn.Return<boolean, SqlError> {
    const { settings } = this.parts
    yield* Effect.forEach(RESET_STATEMENTS, (statement) => this.internalQuery(statement, [], true), {
      concurrency: "unbounded",
      discard: true
    })
    const { params, sql } = applyStatement(settings)
    const result = yield* this.internalQuery(sql, params)
    return unapplied(readFacts(settings, result.rows[0] ?? {})).length === 0
  })
}
