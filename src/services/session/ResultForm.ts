/** The forms of a statement's result: rows, values by position, or rows with everything else known of the result. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import type { PgConnection, Result, Row } from "@effect/sql-pg/PgConnection"
import type { RowForm, QueryResult, ResultHandler } from "../wire/query/Query.ts"
import { failStatement } from "./Outcome.ts"
import type { Session } from "./Session.ts"

type QueryOn<On, A> = (
  on: On,
  sql: string,
  params: ReadonlyArray<unknown>,
  named: boolean
) => Effect.Effect<A, SqlError>

export interface ResultForm<A> {
  readonly form: RowForm
  readonly read: (result: QueryResult) => A
  readonly query: QueryOn<Session, A>
  /** The same through the driver, while that owns the socket. */
  readonly queryDriver: QueryOn<PgConnection, A>
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

const emptyResult: Result = { command: "", rowCount: 0, oid: null, rows: [], fields: [] }

/** Runs a statement in the form that `form` names, and gives its result in the shape that a handler receives. */
export const toQueryResult = (
  form: RowForm,
  run: <A>(form: ResultForm<A>) => Effect.Effect<A, SqlError>
): Effect.Effect<QueryResult, SqlError> =>
  form === "values"
    ? Effect.map(run(asValues), (values) => ({ objects: [], values, result: emptyResult }))
    : Effect.map(run(asResult), (result) => ({ objects: result.rows, values: [], result }))

/** A fiber that waits for the result. */
export class WaitingFiber<A> implements ResultHandler {
  private readonly form: ResultForm<A>
  private readonly resume: (effect: Effect.Effect<A, SqlError>) => void

  constructor(form: ResultForm<A>, resume: (effect: Effect.Effect<A, SqlError>) => void) {
    this.form = form
    this.resume = resume
  }

  onSuccess(result: QueryResult): void {
    this.resume(Exit.succeed(this.form.read(result)))
  }

  onFailure(cause: Cause.Cause<SqlError>): void {
    this.resume(failStatement(cause))
  }
}
