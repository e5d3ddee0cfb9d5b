/**
 * The statements of a session with a real server: through the pipeline, or through the driver while that streams or
 * listens; counted, timed, and ended when nobody waits for them any more.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type * as Stream from "effect/Stream"
import type { Notification, Result, Row } from "@effect/sql-pg/PgConnection"
import type { InFlightQuery } from "../wire/query/InFlightQuery.ts"
import type { Query, QueryHandle, ResultHandler } from "../wire/query/Query.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { toSqlError, notAnswered, notSent } from "../errors/SqlErrors.ts"
import { cancelAndDrain, drainDriver, PendingCleanup } from "./Cancellation.ts"
import type { Activity } from "./Activity.ts"
import { DriverPin, detachedListen, detachedStream } from "./DriverPin.ts"
import type { PgSessionParts } from "./PgSessionParts.ts"
import { failureOf } from "../stats/OperationTimes.ts"
import { type SessionLoss, cancelFailed } from "./SessionLoss.ts"
import { asResult, asRows, asValues, WaitingFiber, type ResultForm } from "./ResultForm.ts"
import { WireOwnership } from "./WireOwnership.ts"

export class PgSessionStatements {
  /** Where statements are timed. */
  times: PoolTimes | undefined = undefined
  /** Abandoned statements that are being cancelled and drained, and what the driver is closing. */
  readonly settling = new PendingCleanup()
  /** What the next statement takes along ahead of itself. */
  ahead: string | undefined = undefined

  private readonly parts: PgSessionParts
  private readonly activity: Activity
  private readonly end: SessionLoss
  private readonly share: WireOwnership
  private readonly kill: (reason: SessionError) => void
  private readonly driver: DriverPin
  /** Runs what no caller is held by. */
  private readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>

  constructor(
    parts: PgSessionParts,
    options: {
      readonly activity: Activity
      readonly end: SessionLoss
      /** Ends the session for a reason of ours. */
      readonly kill: (reason: SessionError) => void
      /** Told once, when what was read is not the protocol. */
      readonly onBroken: (cause: unknown) => void
    }
  ) {
    this.parts = parts
    this.fork = Effect.runForkWith(parts.context)
    this.activity = options.activity
    this.end = options.end
    this.kill = options.kill
    const { socket, tap } = parts.wire
    this.share = new WireOwnership({ socket, tap, now: parts.now, driver: parts.driver, onBroken: options.onBroken })
    this.driver = new DriverPin(parts.connection, this.share, parts.context)
  }

  /** Nothing is left to be sent, to be drained or to be read by the driver. */
  get isAtRest(): boolean {
    return this.ahead === undefined && !this.settling.isPending && !this.share.isDriverActive
  }

  /** Ends all that is on its way. */
  fail(reason: SessionError): void {
    this.share.pipeline.fail(reason)
  }

  start = (question: Query, now: number, asker: ResultHandler, gathered = false): InFlightQuery | undefined => {
    // After the server's last word nothing is written that nobody would read.
    if (this.parts.wire.tap.fatal !== undefined && this.activity.inFlight === 0) this.kill(this.end.loss(undefined))
    if (this.end.lost !== undefined) {
      asker.onFailure(Cause.fail(toSqlError(this.end.lost)))
      return undefined
    }
    this.activity.begin(question.sql, now)
    const { ahead } = this
    try {
      const cycle = this.share.pipeline.send(this.whole(question), gathered, this.answered)
      cycle.startedAt = now
      cycle.handler = asker
      return cycle
    } catch (cause) {
      this.ahead = ahead
      this.activity.end()
      asker.onFailure(Cause.fail(this.end.failed(notSent(cause))))
      return undefined
    }
  }

  abandon = (asked: QueryHandle): void => {
    const cycle = asked as InFlightQuery
    cycle.handler = undefined
    this.times?.operations?.failed(cycle.query.sql, this.parts.now() - cycle.startedAt, {
      errorType: "interrupted",
      sqlState: undefined
    })
    this.fork(this.settle())
  }

  rows = (sql: string, params: ReadonlyArray<unknown>, named: boolean): Effect.Effect<ReadonlyArray<Row>, SqlError> =>
    this.ask(asRows, sql, params, named)

  query = (sql: string, params: ReadonlyArray<unknown>, named: boolean): Effect.Effect<Result, SqlError> =>
    this.ask(asResult, sql, params, named)

  queryValues = (
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError> => this.ask(asValues, sql, params, named)

  stream = (sql: string, params: ReadonlyArray<unknown>): Stream.Stream<Row, SqlError> => {
    let leave: (() => void) | undefined
    return detachedStream(
      () => {
        this.activity.begin(sql, this.parts.now())
        leave = this.driver.acquire()
        return this.driver.connection.stream(sql, params)
      },
      {
        ready: this.settled,
        mapError: this.end.failed,
        fork: (close) => {
          const left = leave
          if (left === undefined) return this.fork(close)
          return this.settleBehind(close, () => {
            this.activity.end()
            left()
          })
        }
      }
    )
  }

  listen = (channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> =>
    Effect.flatMap(this.settled, () => {
      this.activity.addTaint("reset")
      this.activity.statement = `LISTEN ${channel}`
      const driven = Effect.andThen(
        this.driver.pinned,
        Effect.suspend(() => Effect.mapError(this.driver.connection.listen(channel), this.end.failed))
      )
      return detachedListen(driven, (close) => this.settleBehind(close, () => {}))
    })

  /** A cancel that is on its way must not hit what is asked next. */
  private get mustWait(): boolean {
    return this.settling.isPending && this.end.lost === undefined
  }

  private readonly settled: Effect.Effect<void> = Effect.suspend(() =>
    this.mustWait ? this.settling.finished : Effect.void
  )

  /** Asks through the pipeline; through the driver while that has the wire. */
  private ask<A>(
    wanted: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    return Effect.callback<A, SqlError>((resume) => {
      if (this.mustWait) {
        return resume(Effect.andThen(this.settled, this.ask(wanted, sql, params, named)))
      }
      if (this.share.isDriverActive) {
        return resume(this.drive(sql, () => wanted.queryDriver(this.driver.connection, sql, params, named)))
      }
      const question = { sql, params, named: named && this.parts.named, form: wanted.form }
      const cycle = this.start(question, this.parts.now(), new WaitingFiber(wanted, resume))
      return cycle === undefined ? undefined : Effect.sync(() => this.abandon(cycle))
    })
  }

  private drive<A>(sql: string, execute: () => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => {
      if (this.end.lost !== undefined) return Effect.fail(toSqlError(this.end.lost))
      const began = this.parts.now()
      this.activity.begin(sql, began)
      const leave = this.driver.acquire()
      const onExit = (exit: Exit.Exit<unknown, SqlError>): undefined => {
        if (Exit.isSuccess(exit) || !Cause.hasInterrupts(exit.cause)) {
          this.activity.end()
          leave()
        } else this.fork(Effect.ensuring(this.settle(Fiber.interrupt(driven)), Effect.sync(leave)))
        return undefined
      }
      const timed =
        this.times?.operations?.timing({ sql, began, now: this.parts.now, explain: this.end.failed }, onExit) ?? onExit
      // A driver that listens holds whoever leaves a statement early until it has drained that.
      const driven = this.fork(Effect.andThen(this.sendAhead, execute()))
      return Effect.mapError(Effect.onExitPrimitive(Fiber.join(driven), timed), this.end.failed)
    })
  }

  /** A statement of the session's own: not counted, not timed, in any state. */
  readonly plain = (
    sql: string,
    params: ReadonlyArray<unknown> = [],
    gathered = false
  ): Effect.Effect<Result, SqlError> =>
    Effect.suspend(() =>
      this.share.isDriverActive
        ? Fiber.join(this.fork(this.driver.connection.query(sql, params, false)))
        : Effect.callback<Result, SqlError>((resume) => {
            this.share.pipeline.send({ sql, params, named: false, form: "objects" }, gathered, (cycle) =>
              resume(cycle.failure === undefined ? Exit.succeed(cycle.result) : Exit.fail(notAnswered(cycle.failure)))
            )
          })
    )

  private readonly sendAhead: Effect.Effect<unknown, SqlError> = Effect.suspend(() => {
    const { ahead } = this
    this.ahead = undefined
    if (ahead === undefined) return Effect.void
    return Effect.tapError(this.driver.connection.query(ahead, [], false), () => Effect.sync(() => this.unbegun(ahead)))
  })

  /** A transaction that failed to begin is still to begin: what is asked next must not run outside of it. */
  private unbegun(ahead: string | undefined): void {
    if (ahead !== undefined && this.parts.wire.tap.status === "I") this.ahead = ahead
  }

  private whole(question: Query): Query {
    if (this.ahead === undefined) return question
    const { form, named, params, sql } = question
    const { ahead } = this
    this.ahead = undefined
    return { sql, params, named, form, prepended: ahead }
  }

  private readonly answered = (cycle: InFlightQuery): void => {
    const { handler: asker, failure } = cycle
    if (failure !== undefined) this.unbegun(cycle.query.prepended)
    const operations = this.times?.operations
    this.activity.end()
    if (asker === undefined) return
    const { lastReceivedAt } = this.parts.wire.tap
    if (failure === undefined) {
      operations?.succeeded(cycle.query.sql, lastReceivedAt - cycle.startedAt)
      return asker.onSuccess(cycle, lastReceivedAt)
    }
    const cause = Cause.fail(this.end.failed(notAnswered(failure)))
    operations?.failed(cycle.query.sql, lastReceivedAt - cycle.startedAt, failureOf(cause, this.end.failed))
    return asker.onFailure(cause)
  }

  /**
   * Ends what nobody waits for any more, with what has the driver end it; whoever comes meanwhile waits for it. A session
   * that is not safe is lost.
   */
  settle(endDriven?: Effect.Effect<void>): Effect.Effect<void> {
    if (this.settling.isPending && endDriven === undefined) return this.settling.finished
    const settled = this.settling.begin()
    const { endpoint, wire } = this.parts
    // A transaction that has failed refuses even an empty statement: that is an answer, too.
    const ping = Effect.catch(this.plain(""), (error) =>
      this.end.lost === undefined && wire.tap.status === "E" ? Effect.void : Effect.fail(error)
    )
    const isSafe =
      endDriven === undefined ? cancelAndDrain({ ping, endpoint, tap: wire.tap }) : drainDriver(endDriven, ping)
    return isSafe.pipe(
      Effect.map((safe) => {
        if (!safe) this.kill(cancelFailed(endpoint, this.activity.busyMillis(this.parts.now())))
        this.activity.clear()
        settled()
      }),
      Effect.uninterruptible
    )
  }

  /** Has the driver close something in the background; later statements wait until it has. */
  private settleBehind(close: Effect.Effect<void>, closed: () => void): void {
    const settled = this.settling.begin()
    this.fork(
      Effect.ensuring(
        close,
        Effect.sync(() => {
          closed()
          settled()
        })
      )
    )
  }
}
