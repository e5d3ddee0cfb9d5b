/** A session with a real server: the driver's connection, the reader beside its wire, and what is owed to both. */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type * as Stream from "effect/Stream"
import type { Notification, PgConnection, Result, Row } from "@effect/sql-pg/PgConnection"
import type { PoolTimes } from "../pool/PoolTimes.ts"
import { SessionError } from "../SessionError.ts"
import type { Session, SessionInfo } from "../Session.ts"
import { enrichStatementError, toSqlError } from "../SqlErrors.ts"
import type { Endpoint, Wire } from "../Transport.ts"
import { endAbandoned } from "./Abandoned.ts"
import { caughtUp, listeningFor } from "./CaughtUp.ts"
import { detachedStream } from "./DetachedStream.ts"
import { sayGoodbye } from "./Goodbye.ts"
import { lossOf, unsettled } from "./Loss.ts"
import { resetSession } from "./Reset.ts"
import type { SessionSettings } from "./SessionSettings.ts"
import { heavier, type Taint, taintOf } from "./StatementTaint.ts"

/** How long a rollback and a reset may take together before the session is closed instead. */
const RECOVER_MILLIS = 5000

/** How long a peer may take to answer a probe: a caller waits for it. */
const PROBE_MILLIS = 2000

/** What a login leaves to the session it made. */
export interface LiveSessionParts {
  readonly info: SessionInfo
  readonly endpoint: Endpoint
  readonly wire: Wire
  readonly connection: PgConnection
  readonly scope: Scope.Closeable
  readonly settings: SessionSettings
  readonly context: Context.Context<never>
  readonly now: () => number
}

export class LiveSession implements Session {
  readonly info: SessionInfo
  lost: SessionError | undefined = undefined
  onLost: ((error: SessionError) => void) | undefined = undefined
  times: PoolTimes | undefined = undefined
  statement: string | undefined = undefined
  busySince = 0

  private readonly parts: LiveSessionParts
  /** The driver's connection, or its pinned view while channels are listened to: several share one pin. */
  private connection: PgConnection
  private listeners = 0
  private pinScope = Scope.makeUnsafe()
  /** Statements written and not yet answered, as far as the callers waited. */
  private inFlight = 0
  private taint: Taint = "clean"
  private parameterChanges: number
  /** When the statements in flight, or the last ones, began; unlike `busySince` it is kept. */
  private beganAt = 0
  /** Messages heard when the statement in flight was written. */
  private messagesBefore = 0
  /** Set while an abandoned statement is being cancelled and drained; later statements wait for it. */
  private settling: Deferred.Deferred<void> | undefined = undefined
  /** Set while the session is being made clean; whoever asks meanwhile waits for the same end. */
  private recovering: Deferred.Deferred<boolean> | undefined = undefined
  private leaving = false
  private socketError: Error | undefined = undefined

  constructor(parts: LiveSessionParts) {
    this.parts = parts
    this.info = parts.info
    this.connection = parts.connection
    this.parameterChanges = parts.wire.tap.parameterChanges
    const socket = parts.wire.socket
    socket.on("error", (error) => {
      this.socketError = error
    })
    socket.on("close", this.onClose)
  }

  heardAt = (): number => this.parts.wire.tap.heardAt

  isClean = (): boolean =>
    this.lost === undefined &&
    this.inFlight === 0 &&
    this.taint === "clean" &&
    this.settling === undefined &&
    this.recovering === undefined &&
    this.parts.wire.tap.status === "I" &&
    this.parts.wire.tap.fatal === undefined

  query = (sql: string, params: ReadonlyArray<unknown>, prepare: boolean): Effect.Effect<Result, SqlError> =>
    this.run(sql, () => this.connection.query(sql, params, prepare))

  queryValues = (
    sql: string,
    params: ReadonlyArray<unknown>,
    prepare: boolean
  ): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError> =>
    this.run(sql, () => this.connection.queryValues(sql, params, prepare))

  stream = (sql: string, params: ReadonlyArray<unknown>): Stream.Stream<Row, SqlError> =>
    detachedStream(
      () => {
        this.begin(sql)
        return this.connection.stream(sql, params)
      },
      {
        mapError: this.failed,
        fork: (close) => this.settleStream(close)
      }
    )

  listen = (channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> =>
    Effect.suspend(() => {
      this.taint = heavier(this.taint, "reset")
      this.statement = `LISTEN ${channel}`
      return Effect.andThen(
        this.pin,
        Effect.suspend(() => Effect.mapError(this.connection.listen(channel), this.failed))
      )
    })

  probe: Effect.Effect<boolean> = Effect.suspend(() =>
    this.lost !== undefined
      ? Effect.succeed(false)
      : this.connection.query("", [], false).pipe(
          Effect.as(true),
          Effect.raceFirst(Effect.as(listeningFor(PROBE_MILLIS, this.parts.now), false)),
          Effect.catch(() => Effect.succeed(false)),
          // The peer may have answered the probe and said goodbye in one breath.
          Effect.map((answered) => answered && this.lost === undefined && this.parts.wire.tap.fatal === undefined)
        )
  )

  recover: Effect.Effect<boolean> = Effect.suspend(() => {
    // The driver may fail the statement just before the socket tells its end; that end is a loss, not our doing.
    if (this.lost !== undefined) return Effect.as(caughtUp, false)
    if (this.taint === "close") return Effect.succeed(false)
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

  cancel: Effect.Effect<void> = Effect.suspend(() =>
    this.lost !== undefined || this.busySince === 0 ? Effect.void : this.settle()
  )

  kill = (reason: SessionError): void => {
    if (this.lost !== undefined) return
    this.lost = reason
    this.parts.wire.socket.destroy()
  }

  close: Effect.Effect<void> = Effect.suspend(() => {
    this.leaving = true
    return Effect.andThen(
      sayGoodbye(this.parts.wire.socket, this.parts.scope),
      Effect.sync(() => {
        this.lost ??= SessionError.poolClosed({ draining: false })
      })
    )
  })

  private readonly pin: Effect.Effect<void, never, Scope.Scope> = Effect.acquireRelease(
    Effect.suspend(() => {
      if (this.listeners++ > 0) return Effect.void
      return Effect.map(Scope.provide(this.parts.connection.pin, this.pinScope), (pinned) => {
        this.connection = pinned
      })
    }),
    () =>
      Effect.suspend(() => {
        if (--this.listeners > 0) return Effect.void
        this.connection = this.parts.connection
        const scope = this.pinScope
        this.pinScope = Scope.makeUnsafe()
        return Scope.close(scope, Exit.void)
      })
  )

  private run<A>(sql: string, execute: () => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => {
      if (this.lost !== undefined) return Effect.fail(toSqlError(this.lost))
      if (this.settling !== undefined) {
        return Effect.flatMap(Deferred.await(this.settling), () => this.run(sql, execute))
      }
      this.begin(sql)
      const { now } = this.parts
      // Inside the call, so that a statement nobody times allocates nothing for it.
      const onExit =
        this.times?.operations?.timing(
          { sql, began: this.inFlight === 1 ? this.busySince : now(), now, explain: this.failed },
          this.onExit
        ) ?? this.onExit
      return Effect.mapError(Effect.onExitPrimitive(execute(), onExit), this.failed)
    })
  }

  private begin(sql: string): void {
    this.statement = sql
    if (this.inFlight++ === 0) {
      this.busySince = this.beganAt = this.parts.now()
      // Changes reported while idle are the pooler's heartbeat, not the doing of a statement.
      this.parameterChanges = this.parts.wire.tap.parameterChanges
      this.messagesBefore = this.parts.wire.tap.messages
    }
    const taint = taintOf(sql)
    if (taint !== "clean") this.taint = heavier(this.taint, taint)
  }

  private end(): void {
    if (this.inFlight === 0 || --this.inFlight > 0) return
    this.busySince = 0
    if (this.parts.wire.tap.parameterChanges !== this.parameterChanges) this.taint = heavier(this.taint, "reset")
  }

  private readonly onExit = (exit: Exit.Exit<unknown, SqlError>): undefined => {
    if (Exit.isSuccess(exit) || !Cause.hasInterrupts(exit.cause)) this.end()
    else Effect.runForkWith(this.parts.context)(this.settle())
    return undefined
  }

  /** What the driver says of a failed statement, with what the server said and what became of the session. */
  private readonly failed = (error: SqlError): SqlError => {
    if (this.lost !== undefined) return toSqlError(this.lost)
    if (error.reason._tag === "ConnectionError" && !this.parts.wire.socket.writable) {
      this.lost = this.loss(error.reason.cause, true)
      return toSqlError(this.lost)
    }
    return enrichStatementError(error)
  }

  private loss(cause: unknown, inFlight: boolean): SessionError {
    const { endpoint, now, wire } = this.parts
    const statement = { inFlight, beganAt: this.beganAt, messagesBefore: this.messagesBefore }
    return lossOf({ endpoint, tap: wire.tap, statement, socketError: this.socketError, cause, now: now() })
  }

  private readonly onClose = (): void => {
    const first = this.lost === undefined
    this.lost ??= this.leaving ? SessionError.poolClosed({ draining: false }) : this.loss(undefined, this.inFlight > 0)
    if (!this.leaving) this.onLost?.(this.lost)
    if (first) this.busySince = 0
  }

  /** Ends what nobody waits for any more; whoever comes meanwhile waits for it. A session that is not safe is lost. */
  private settle(): Effect.Effect<void> {
    if (this.settling !== undefined) return Deferred.await(this.settling)
    const settled = (this.settling = Deferred.makeUnsafe<void>())
    const { endpoint, wire } = this.parts
    return endAbandoned({ connection: this.connection, endpoint, tap: wire.tap }).pipe(
      Effect.map((safe) => {
        this.settling = undefined
        if (!safe) this.kill(unsettled(endpoint, this.busySince > 0 ? this.parts.now() - this.busySince : 0))
        this.inFlight = 0
        this.busySince = 0
        Deferred.doneUnsafe(settled, Effect.void)
      }),
      Effect.uninterruptible
    )
  }

  /** Closes an abandoned stream in the background; the session is settled when the driver has drained it. */
  private settleStream(close: Effect.Effect<void>): void {
    const settled = (this.settling ??= Deferred.makeUnsafe<void>())
    Effect.runForkWith(this.parts.context)(
      Effect.ensuring(
        close,
        Effect.sync(() => {
          if (this.settling === settled) this.settling = undefined
          this.end()
          Deferred.doneUnsafe(settled, Effect.void)
        })
      )
    )
  }

  private readonly clear = Effect.fnUntraced(function* (this: LiveSession): Effect.fn.Return<boolean, SqlError> {
    if (this.inFlight > 0) yield* this.settle()
    if (this.settling !== undefined) yield* Deferred.await(this.settling)
    if (this.lost !== undefined) return false
    const tap = this.parts.wire.tap
    if (tap.status !== "I") yield* this.connection.query("rollback", [], false)
    if (this.taint === "reset" && (yield* resetSession(this.connection, this.parts.settings))) this.taint = "clean"
    return this.lost === undefined && this.taint === "clean" && tap.status === "I"
  })
}
