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

const over = (): SqlError =>
  new SqlError({
    reason: new ConnectionError({
      cause: new Error("The lease of this session is over"),
      message: "The session was given back to the pool already; ask the pool for another one",
      operation: "query"
    })
  })

/** Gives the session of a lease back and waits for another one. */
export type Relend = (host: PoolHost, lease: LeasedSession) => Effect.Effect<void, SqlError>

export class LeasedSession extends Lease<Session> implements SqlConnection.Connection {
  /** How it comes to another session; undefined where a lease keeps what it has. */
  relend: Relend | undefined = undefined
  private readonly host: PoolHost
  /** The statement that begins a transaction together with the next one, until it has begun. */
  private opening: string | undefined = undefined
  /** Whether the beginning is on its way: nothing may run beside it, because it would run outside if it failed. */
  private isBeginning = false
  /** What those wait for who came meanwhile. */
  private begun: Deferred.Deferred<void> | undefined = undefined
  /** The session that was last told to begin. */
  private beginner: Session | undefined = undefined

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
    if (session === undefined) throw over()
    return session.info
  }

  /**
   * Has a transaction begin together with the next statement, so that BEGIN costs no round trip of its own. When the
   * session turns out to have ended before the server read that statement, both go to another session.
   */
  begin(statement: string): void {
    this.opening = statement
  }

  /** Whether the transaction that was to begin never did, because nothing was asked in it; then it is over. */
  endUnopened(): boolean {
    const isUnopened = this.opening !== undefined
    this.opening = undefined
    return this.slot?.session.undefer() === true || isUnopened
  }

  execute(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = this.ask(asRows, sql, params, true)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return this.ask(asResult, sql, params, true)
  }

  executeWithoutTransform(sql: string, params: ReadonlyArray<unknown>) {
    return this.ask(asRows, sql, params, true)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = this.ask(asRows, sql, params, false)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.ask(asValues, sql, params, true)
  }

  executeValuesUnprepared(sql: string, params: ReadonlyArray<unknown>) {
    return this.ask(asValues, sql, params, false)
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = Stream.unwrap(this.opened((session) => Effect.succeed(session.stream(sql, params))))
    return transform === undefined ? rows : Stream.mapArray(rows, (chunk) => transform(chunk) as typeof chunk)
  }

  /** LISTEN on this session until the scope closes. */
  listen(channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> {
    return this.opened((session) => session.listen(channel))
  }

  /** Asks for an effect that is run at once and once only. */
  askNow<A>(
    wanted: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    if (this.isBeginning) {
      return Effect.andThen(
        Deferred.await((this.begun ??= Deferred.makeUnsafe())),
        this.ask(wanted, sql, params, named)
      )
    }
    const session = this.slot?.session
    if (session === undefined) return Effect.fail(over())
    return this.opening === undefined
      ? wanted.ask(session, sql, params, named)
      : this.begins(wanted, { sql, params, named: named && this.host.config.prepare, form: wanted.form })
  }

  private ask<A>(
    wanted: ResultForm<A>,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => this.askNow(wanted, sql, params, named))
  }

  /** The first statement of a transaction, on another session if this one had ended before. */
  private begins<A>(wanted: ResultForm<A>, question: Query): Effect.Effect<A, SqlError> {
    return Effect.callback<A, SqlError>((resume) =>
      // In the moment since this was made somebody else may have begun.
      this.isBeginning || this.opening === undefined
        ? resume(this.ask(wanted, question.sql, question.params, question.named))
        : this.beginWith(wanted, question, UNREAD_RETRIES, resume)
    )
  }

  private beginWith<A>(
    wanted: ResultForm<A>,
    question: Query,
    retries: number,
    resume: (effect: Effect.Effect<A, SqlError>) => void
  ): Effect.Effect<void> | undefined {
    const { opening, host, session } = this
    if (session === undefined || opening === undefined) {
      resume(Effect.fail(over()))
      return undefined
    }
    this.isBeginning = true
    this.beginner = session
    session.defer(opening)
    const asked = session.start(question, host.now(), {
      onSuccess: (answer) => {
        this.hasBegun(true)
        resume(Exit.succeed(wanted.read(answer)))
      },
      onFailure: (cause) => {
        if (retries > 0 && this.relend !== undefined && isUnreadCause(cause)) {
          const begins = Effect.callback<A, SqlError>((resume) => this.beginWith(wanted, question, retries - 1, resume))
          return resume(this.beginsElsewhere(this.relend, begins))
        }
        this.hasBegun(false)
        resume(Exit.failCause(cause))
      }
    })
    return Effect.sync(() => {
      if (asked !== undefined) session.abandon(asked)
      this.hasBegun(false)
    })
  }

  private beginsElsewhere<A>(relend: Relend, begins: Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.onExitPrimitive(Effect.andThen(relend(this.host, this), begins), () => {
      if (this.isBeginning) this.hasBegun(false)
      return undefined
    })
  }

  private hasBegun(succeeded: boolean): void {
    this.isBeginning = false
    const { begun, session } = this
    // A statement that never left, or was not run because the beginning failed, has begun nothing: the next one does.
    if (succeeded || (session === this.beginner && session?.undefer() !== true)) this.opening = undefined
    this.begun = undefined
    if (begun !== undefined) Deferred.doneUnsafe(begun, Effect.void)
  }

  /** What cannot take the beginning of a transaction along waits for it. */
  private opened<A, R>(ask: (session: Session) => Effect.Effect<A, SqlError, R>): Effect.Effect<A, SqlError, R> {
    const begun = Effect.suspend(() =>
      this.opening === undefined ? Effect.void : Effect.asVoid(this.askNow(asResult, "", [], false))
    )
    return Effect.andThen(
      begun,
      Effect.suspend(() => {
        const session = this.slot?.session
        return session === undefined ? Effect.fail(over()) : ask(session)
      })
    )
  }
}
