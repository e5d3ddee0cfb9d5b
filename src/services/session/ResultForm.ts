/** In which form the answer to a statement is wanted: as rows, as values by position, or with all that is known of it. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { PgConnection, Result, Row } from "@effect/sql-pg/PgConnection"
import type { RowForm, QueryResult, ResultHandler } from "../wire/query/Query.ts"
import type { Session } from "./Session.ts"

export interface ResultForm<A> {
  readonly form: RowForm
  readonly read: (answer: QueryResult) => A
  readonly query: (
    session: Session,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ) => Effect.Effect<A, SqlError>
  /** Asks the driver for the same, while that has the wire. */
  readonly queryDriver: (
    connection: PgConnection,
    sql: string,
    params: ReadonlyArray<unknown>,
    named: boolean
  ) => Effect.Effect<A, SqlError>
}

export const asRows: ResultForm<ReadonlyArray<Row>> = {
  form: "objects",
  read: ({ objects }) => objects,
  query: (session, sql, params, named) => session.rows(sql, params, named),
  queryDriver: (connection, sql, params, named) => Effect.map(connection.query(sql, params, named), ({ rows }) => rows)
}

export const asResult: ResultForm<Result> = {
  form: "objects",
  read: ({ result }) => result,
  query: (session, sql, params, named) => session.query(sql, params, named),
  queryDriver: (connection, sql, params, named) => connection.query(sql, params, named)
}

export const asValues: ResultForm<ReadonlyArray<ReadonlyArray<unknown>>> = {
  form: "values",
  read: ({ values }) => values,
  query: (session, sql, params, named) => session.queryValues(sql, params, named),
  queryDriver: (connection, sql, params, named) => connection.queryValues(sql, params, named)
}

/** A fiber that waits for the answer. */
export class WaitingFiber<A> implements ResultHandler {
  private readonly wanted: ResultForm<A>
  private readonly resume: (effect: Effect.Effect<A, SqlError>) => void

  constructor(wanted: ResultForm<A>, resume: (effect: Effect.Effect<A, SqlError>) => void) {
    this.wanted = wanted
    this.resume = resume
  }

  onSuccess(answer: QueryResult): void {
    this.resume(Exit.succeed(this.wanted.read(answer)))
  }

  onFailure(cause: Cause.Cause<SqlError>): void {
    this.resume(Exit.failCause(cause))
  }
}
