/** A session as its borrower sees it: Effect SQL's connection, valid for the time of the lease and not after. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Notification, Result, Row } from "@effect/sql-pg/PgConnection"
import type { Session, SessionInfo } from "../Session.ts"
import { Lease } from "./Lease.ts"
import { isUnread, UNREAD_RETRIES } from "./Unread.ts"

type Transform = (<A extends object>(row: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const over = (): SqlError =>
  new SqlError({
    reason: new ConnectionError({
      cause: new Error("The lease of this session is over"),
      message: "The session was given back to the pool already; ask the pool for another one",
      operation: "query"
    })
  })

export class LeasedSession extends Lease<Session> implements SqlConnection.Connection {
  /** Gives the session back and waits for another one; undefined where a lease keeps what it has. */
  relend: (() => Effect.Effect<void, SqlError>) | undefined = undefined
  /** The statement that begins a transaction together with the next one, until it has begun. */
  private opening: string | undefined = undefined
  /** Whether the beginning is on its way: nothing may run beside it, because it would run outside if it failed. */
  private isBeginning = false
  /** What those wait for who came meanwhile. */
  private begun: Deferred.Deferred<void> | undefined = undefined
  /** The session that was last told to begin. */
  private beginner: Session | undefined = undefined

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
    const rows = this.with((session) => session.rows(sql, params, true))
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  /** As `execute`, for an effect that is run at once and once only. */
  executeNow(
    sql: string,
    params: ReadonlyArray<unknown>,
    transform: Transform
  ): Effect.Effect<ReadonlyArray<Row>, SqlError> {
    const session = this.slot?.session
    if (session === undefined || this.opening !== undefined || transform !== undefined) {
      return this.execute(sql, params, transform)
    }
    return session.rows(sql, params, true)
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return this.with((session) => session.query(sql, params, true))
  }

  executeWithoutTransform(sql: string, params: ReadonlyArray<unknown>) {
    return this.with((session) => session.rows(sql, params, true))
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = this.with((session) => session.rows(sql, params, false))
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return this.with((session) => session.queryValues(sql, params, true))
  }

  executeValuesUnprepared(sql: string, params: ReadonlyArray<unknown>) {
    return this.with((session) => session.queryValues(sql, params, false))
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = Stream.unwrap(this.opened((session) => Effect.succeed(session.stream(sql, params))))
    return transform === undefined ? rows : Stream.mapArray(rows, (chunk) => transform(chunk) as typeof chunk)
  }

  /** LISTEN on this session until the scope closes. */
  listen(channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> {
    return this.opened((session) => session.listen(channel))
  }

  private with<A>(ask: (session: Session) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.suspend(() => {
      if (this.isBeginning) {
        return Effect.andThen(Deferred.await((this.begun ??= Deferred.makeUnsafe())), this.with(ask))
      }
      const session = this.slot?.session
      if (session === undefined) return Effect.fail(over())
      return this.opening === undefined ? ask(session) : this.begins(ask)
    })
  }

  private begins<A>(ask: (session: Session) => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.onExitPrimitive(
      Effect.suspend(() => {
        this.isBeginning = true
        return this.first(ask, UNREAD_RETRIES)
      }),
      (exit) => {
        this.isBeginning = false
        const { begun, session } = this
        // A statement that never left, or was not run because the beginning failed, has begun nothing: the next one does.
        const isOpen = session === this.beginner && session?.undefer() !== true
        if (exit._tag === "Success" || isOpen) this.opening = undefined
        this.begun = undefined
        if (begun !== undefined) Deferred.doneUnsafe(begun, Effect.void)
        return undefined
      }
    )
  }

  /** The first statement of a transaction, now; on another session if this one had ended before. */
  private first<A>(ask: (session: Session) => Effect.Effect<A, SqlError>, retries: number): Effect.Effect<A, SqlError> {
    const { opening, session } = this
    if (session === undefined || opening === undefined) return Effect.fail(over())
    this.beginner = session
    session.defer(opening)
    return Effect.catch(ask(session), (error) => {
      if (retries === 0 || this.relend === undefined || !isUnread(error)) return Effect.fail(error)
      return Effect.flatMap(this.relend(), () => this.first(ask, retries - 1))
    })
  }

  /** What cannot take the beginning of a transaction along waits for it. */
  private opened<A, R>(ask: (session: Session) => Effect.Effect<A, SqlError, R>): Effect.Effect<A, SqlError, R> {
    const begun = Effect.suspend(() =>
      this.opening === undefined ? Effect.void : Effect.asVoid(this.with((session) => session.query("", [], false)))
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
