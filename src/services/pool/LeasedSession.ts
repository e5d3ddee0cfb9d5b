/** A session as its borrower sees it: Effect SQL's connection, valid for the time of the lease and not after. */
import * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as SqlConnection from "effect/sql/SqlConnection"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Notification, Result } from "@effect/sql-pg/PgConnection"
import type { Session, SessionInfo } from "../Session.ts"
import { Lease } from "./Lease.ts"

type Transform = (<A extends object>(row: ReadonlyArray<A>) => ReadonlyArray<A>) | undefined

const rowsOf = (result: Result) => result.rows

const over = (): SqlError =>
  new SqlError({
    reason: new ConnectionError({
      cause: new Error("The lease of this session is over"),
      message: "The session was given back to the pool already; ask the pool for another one",
      operation: "query"
    })
  })

export class LeasedSession extends Lease<Session> implements SqlConnection.Connection {
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

  execute(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = Effect.map(this.query(sql, params, true), rowsOf)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeRaw(sql: string, params: ReadonlyArray<unknown>): Effect.Effect<Result, SqlError> {
    return this.query(sql, params, true)
  }

  executeWithoutTransform(sql: string, params: ReadonlyArray<unknown>) {
    return Effect.map(this.query(sql, params, true), rowsOf)
  }

  executeUnprepared(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = Effect.map(this.query(sql, params, false), rowsOf)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }

  executeValues(sql: string, params: ReadonlyArray<unknown>) {
    return Effect.suspend(() => this.slot?.session.queryValues(sql, params, true) ?? Effect.fail(over()))
  }

  executeValuesUnprepared(sql: string, params: ReadonlyArray<unknown>) {
    return Effect.suspend(() => this.slot?.session.queryValues(sql, params, false) ?? Effect.fail(over()))
  }

  executeStream(sql: string, params: ReadonlyArray<unknown>, transform: Transform) {
    const rows = Stream.suspend(() => this.slot?.session.stream(sql, params) ?? Stream.fail(over()))
    return transform === undefined ? rows : Stream.mapArray(rows, (chunk) => transform(chunk) as typeof chunk)
  }

  /** LISTEN on this session until the scope closes. */
  listen(channel: string): Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope> {
    return Effect.suspend(() => this.slot?.session.listen(channel) ?? Effect.fail(over()))
  }

  private query(sql: string, params: ReadonlyArray<unknown>, prepare: boolean): Effect.Effect<Result, SqlError> {
    return Effect.suspend(() => this.slot?.session.query(sql, params, prepare) ?? Effect.fail(over()))
  }
}
