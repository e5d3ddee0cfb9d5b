/** A session as its borrower sees it: Effect SQL's connection, valid for the time of the lease and not after. */
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
import { isUnreadCause, UNREAD_RETRIES } from "../errors/SqlErrors.ts"

type Transform = (<A extends object>(row: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const leaseEnded = (): SqlError =>
  new SqlError({
    reason: new ConnectionError({
      cause: new Error("The lease of this session is over"),
      message: "The session was given back to the pool already; ask the pool for another one",
      operation: "query"
    })
  })

/** Gives the session of a lease back and waits for another one. */
export type Reacquire = (host: PoolHost, lease: LeasedSession) => Effect.Effect<void, SqlError>

export class LeasedSession extends Lease<Session> implements SqlConnection.Connection {
  /** How it comes to another session; undefined where a lease keeps what it has. */
  reacquire: Reacquire | undefined = undefined
  private readonly host: PoolHost
  /** The statement that begins a transaction together with the next one, until it has begun. */
  private beginStatement: string | undefined = undefined
  /** Whether the beginning is on its way: nothing may run beside it, because it would run outside if it failed. */
  private isBeginning = false
  /** What those wait for who came meanwhile. */
  private beginSettled: Deferred.Deferred<void> | undefined = undefined
  /** The session that was last told to begin. */
  private beginSession: Session | undefined = undefined

  constructor(host: PoolHost, holder: Holder) {
    super(holder)
    this.host = host
  }

  /** The session lent; undefined before and after the lease. */
  get session(): Session | undefined {
    return this.slot?.session
  }

  /** The session's facts: its backend pid for one. Throws when the lease is over. */
  get info(): SessionInfo {
    const session = this.session
    if (session === undefined) throw leaseEnded()
    return session.info
  }

  /**
   * Has a transaction begin together with the next statement, so that BEGIN costs no round trip of its own. When the
   * session turns out to have ended before the server read that statement, both go to another session.
   */
  begin(statement: string): void {
    this.beginStatement = statement
  }

  /** Whether the transaction that was to begin never did, because nothing was asked in it; then it is over. */
  cancelBegin(): boolean {
    const isUnopened = this.beginStatement !== undefined
    this.beginStatement = undefined
    return this.slot?.session.removePrepended() === true || isUnopened
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

  /** LISTEN on this session until the scope closes. */
  listen(channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> {
    return this.afterBegin((session) => session.listen(channel))
  }

  /** Asks for an effect that is run at once and once only. */
  runNow<A>(
    wanted: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    if (this.isBeginning) {
      return Effect.andThen(
        Deferred.await((this.beginSettled ??= Deferred.makeUnsafe())),
        this.run(wanted, sql, params, named)
      )
    }
    const session = this.slot?.session
    if (session === undefined) return Effect.fail(leaseEnded())
    return this.beginStatement === undefined
      ? wanted.query(session, sql, params, named)
      : this.runFirst(wanted, { sql, params, named: named && this.host.config.prepare, form: wanted.form })
  }

  private run<A>(
    wanted: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => this.runNow(wanted, sql, params, named))
  }

  /** The first statement of a transaction, on another session if this one had ended before. */
  private runFirst<A>(wanted: ResultForm<A>, question: Query): Effect.Effect<A, SqlError> {
    return Effect.callback<A, SqlError>((resume) =>
      // In the moment since this was made somebody else may have begun.
      this.isBeginning || this.beginStatement === undefined
        ? resume(this.run(wanted, question.sql, question.params, question.named))
        : this.startFirst(wanted, question, UNREAD_RETRIES, resume)
    )
  }

  private startFirst<A>(
    wanted: ResultForm<A>,
    question: Query,
    retries: number,
    resume: (effect: Effect.Effect<A, SqlError>) => void
  ): Effect.Effect<void> | undefined {
    const { beginStatement: opening, host, session } = this
    if (session === undefined || opening === undefined) {
      resume(Effect.fail(leaseEnded()))
      return undefined
    }
    this.isBeginning = true
    this.beginSession = session
    session.prepend(opening)
    const asked = session.start(question, host.now(), {
      onSuccess: (answer) => {
        this.beginEnded(true)
        resume(Exit.succeed(wanted.read(answer)))
      },
      onFailure: (cause) => {
        if (retries > 0 && this.reacquire !== undefined && isUnreadCause(cause)) {
          const begins = Effect.callback<A, SqlError>((resume) =>
            this.startFirst(wanted, question, retries - 1, resume)
          )
          return resume(this.retryOnOtherSession(this.reacquire, begins))
        }
        this.beginEnded(false)
        resume(Exit.failCause(cause))
      }
    })
    return Effect.sync(() => {
      if (asked !== undefined) session.cancelQuery(asked)
      this.beginEnded(false)
    })
  }

  private retryOnOtherSession<A>(relend: Reacquire, begins: Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.onExitPrimitive(Effect.andThen(relend(this.host, this), begins), () => {
      if (this.isBeginning) this.beginEnded(false)
      return undefined
    })
  }

  private beginEnded(succeeded: boolean): void {
    this.isBeginning = false
    const { beginSettled: begun, session } = this
    // A statement that never left, or was not run because the beginning failed, has begun nothing: the next one does.
    if (succeeded || (session === this.beginSession && session?.removePrepended() !== true))
      this.beginStatement = undefined
    this.beginSettled = undefined
    if (begun !== undefined) Deferred.doneUnsafe(begun, Effect.void)
  }

  /** What cannot take the beginning of a transaction along waits for it. */
  private afterBegin<A, R>(ask: (session: Session) => Effect.Effect<A, SqlError, R>): Effect.Effect<A, SqlError, R> {
    const begun = Effect.suspend(() =>
      this.beginStatement === undefined ? Effect.void : Effect.asVoid(this.runNow(asResult, "", [], false))
    )
    return Effect.andThen(
      begun,
      Effect.suspend(() => {
        const session = this.slot?.session
        return session === undefined ? Effect.fail(leaseEnded()) : ask(session)
      })
    )
  }
}
