/** The lease of a session: an Effect SQL connection that is valid until it is released. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Notification, Result } from "@effect/sql-pg/PgConnection"
import type { Query } from "../wire/query/Query.ts"
import type { Session, SessionInfo } from "../session/Session.ts"
import { asResult, asRows, asValues, type ResultForm } from "../session/ResultForm.ts"
import { type Holder, Lease } from "./core/Lease.ts"
import type { PoolHost } from "./PoolHost.ts"
import { SessionError } from "../errors/SessionError.ts"
import { isNeverExecutedCause, toSqlError, NEVER_EXECUTED_RETRIES } from "../errors/SqlErrors.ts"

export type Transform = (<A extends object>(rows: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const leaseEnded = (): SqlError =>
  new SqlError({
    reason: new ConnectionError({
      cause: new Error("The lease of this session is over"),
      message: "The session was already released to the pool: acquire a new one",
      operation: "query"
    })
  })

const transactionEnded = (): SqlError =>
  toSqlError(SessionError.statementFailed({ errno: "TRANSACTION_ENDED" }), "query")

/** Releases the session of a lease and acquires another one. */
export type Reacquire = (host: PoolHost, lease: SessionLease) => Effect.Effect<void, SqlError>

/** A leased session: an Effect SQL connection that is valid until the lease is released. */
export interface LeasedSession extends SqlConnection.Connection {
  /** The session's id, backend pid, server version and so on. Throws when the lease is over. */
  readonly info: SessionInfo
  /** The rows with the command, the number of rows and the fields. */
  readonly executeRaw: (sql: string, params: ReadonlyArray<unknown>) => Effect.Effect<Result, SqlError>
  /** LISTEN on this session until the scope closes. */
  readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope>
}

export class SessionLease extends Lease<Session> implements LeasedSession {
  /** Moves the lease to another session; undefined where it must keep its own. */
  reacquire: Reacquire | undefined = undefined
  private readonly host: PoolHost
  /** The statement that begins a transaction, sent ahead of the next statement; undefined once it has begun. */
  private beginStatement: string | undefined = undefined
  /** Whether its statements run in a transaction, begun or to be begun. */
  private isTransaction = false
  /** Whether it is in flight: other statements wait, because it may fail, and they would run outside of a transaction. */
  private isBeginning = false
  /** Resolved when it has settled; created for the first statement that waits for it. */
  private beginSettled: Deferred.Deferred<void> | undefined = undefined
  /** The session on which it was last sent. */
  private beginSession: Session | undefined = undefined

  constructor(host: PoolHost, holder: Holder) {
    super(holder)
    this.host = host
  }

  /** Undefined before the session is acquired and after it is released. */
  get session(): Session | undefined {
    return this.slot?.session
  }

  get info(): SessionInfo {
    const session = this.session
    if (session === undefined) throw leaseEnded()
    return session.info
  }

  /**
   * Begins a transaction together with the next statement, so that BEGIN costs no round trip of its own. When the
   * session turns out to have ended before the server read them, both are retried on another session.
   */
  begin(statement: string): void {
    this.isTransaction = true
    this.beginStatement = statement
  }

  /** Cancels a BEGIN that was not sent, because no statement followed it; false when it was sent. */
  cancelBegin(): boolean {
    const wasUnsent = this.beginStatement !== undefined
    this.beginStatement = undefined
    return this.slot?.session.removePrepended() === true || wasUnsent
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = this.run(asRows, sql, params, true)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return this.run(asResult, sql, params, true)
  }

  executeWithoutTransform(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(asRows, sql, params, true)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = this.run(asRows, sql, params, false)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(asValues, sql, params, true)
  }

  executeValuesUnprepared(sql: string, params: ReadonlyArray<unknown>) {
    return this.run(asValues, sql, params, false)
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = Stream.unwrap(this.afterBegin((session) => Effect.succeed(session.stream(sql, params))))
    return transform === undefined ? rows : Stream.mapArray(rows, (chunk) => transform(chunk) as typeof chunk)
  }

  listen(channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> {
    return this.afterBegin((session) => session.listen(channel))
  }

  /** Runs a statement. The effect must be run at once, and only once. */
  runNow<A>(
    resultForm: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    if (this.isBeginning) {
      return Effect.andThen(
        Deferred.await((this.beginSettled ??= Deferred.makeUnsafe())),
        this.run(resultForm, sql, params, named)
      )
    }
    const session = this.slot?.session
    if (session === undefined) return Effect.fail(leaseEnded())
    if (this.isEnded) return Effect.fail(transactionEnded())
    return this.beginStatement === undefined
      ? resultForm.query(session, sql, params, named)
      : this.runFirst(resultForm, { sql, params, named: named && this.host.config.prepare, form: resultForm.form })
  }

  /** Whether the transaction was ended by a statement of its own, such as a ROLLBACK by hand. */
  get isEnded(): boolean {
    if (!this.isTransaction || this.isBeginning || this.beginStatement !== undefined) return false
    const { session } = this
    return session !== undefined && session.lost === undefined && !session.isInTransaction
  }

  private run<A>(
    resultForm: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => this.runNow(resultForm, sql, params, named))
  }

  /** Runs the first statement of a transaction, on another session when this one has ended before. */
  private runFirst<A>(resultForm: ResultForm<A>, query: Query): Effect.Effect<A, SqlError> {
    return Effect.callback<A, SqlError>((resume) =>
      // Another statement may have begun the transaction since this effect was created.
      this.isBeginning || this.beginStatement === undefined
        ? resume(this.run(resultForm, query.sql, query.params, query.named))
        : this.startFirst(resultForm, query, NEVER_EXECUTED_RETRIES, resume)
    )
  }

  private startFirst<A>(
    resultForm: ResultForm<A>,
    query: Query,
    retries: number,
    resume: (effect: Effect.Effect<A, SqlError>) => void
  ): Effect.Effect<void> | undefined {
    const { beginStatement, host, session } = this
    if (session === undefined || beginStatement === undefined) {
      resume(Effect.fail(leaseEnded()))
      return undefined
    }
    this.isBeginning = true
    this.beginSession = session
    session.prepend(beginStatement)
    const handle = session.start(query, host.now(), {
      onSuccess: (result) => {
        this.beginEnded(true)
        resume(Exit.succeed(resultForm.read(result)))
      },
      onFailure: (cause) => {
        if (retries > 0 && this.reacquire !== undefined && isNeverExecutedCause(cause)) {
          const retry = Effect.callback<A, SqlError>((resume) =>
            this.startFirst(resultForm, query, retries - 1, resume)
          )
          return resume(this.retryOnOtherSession(this.reacquire, retry))
        }
        this.beginEnded(false)
        resume(Exit.failCause(cause))
      }
    })
    return Effect.sync(() => {
      if (handle !== undefined) session.cancelQuery(handle)
      this.beginEnded(false)
    })
  }

  private retryOnOtherSession<A>(reacquire: Reacquire, retry: Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.onExitPrimitive(Effect.andThen(reacquire(this.host, this), retry), () => {
      if (this.isBeginning) this.beginEnded(false)
      return undefined
    })
  }

  private beginEnded(succeeded: boolean): void {
    this.isBeginning = false
    const { beginSettled, session } = this
    // A BEGIN that was not sent, or failed, is sent again with the next statement.
    if (succeeded || (session === this.beginSession && session?.removePrepended() !== true))
      this.beginStatement = undefined
    this.beginSettled = undefined
    if (beginSettled !== undefined) Deferred.doneUnsafe(beginSettled, Effect.void)
  }

  /** For streams and LISTEN, which BEGIN cannot be sent ahead of: begins the transaction first. */
  private afterBegin<A, R>(f: (session: Session) => Effect.Effect<A, SqlError, R>): Effect.Effect<A, SqlError, R> {
    const begun = Effect.suspend(() =>
      this.beginStatement === undefined ? Effect.void : Effect.asVoid(this.runNow(asResult, "", [], false))
    )
    return Effect.andThen(
      begun,
      Effect.suspend(() => {
        const session = this.slot?.session
        if (session === undefined) return Effect.fail(leaseEnded())
        return this.isEnded ? Effect.fail(transactionEnded()) : f(session)
      })
    )
  }
}
