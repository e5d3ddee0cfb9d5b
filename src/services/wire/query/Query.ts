import type * as Cause from "effect/Cause"
import type { SqlError } from "effect/sql/SqlError"
import type { Result, Row } from "@effect/sql-pg/PgConnection"

/** What a row becomes: an object by column name, or an array by position. */
export type RowForm = "objects" | "values"

/** What is asked of the server. */
export interface Query {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  /** Whether the statement is given a name, to be used again. */
  readonly named: boolean
  readonly form: RowForm
  /** Run before it in the same cycle: when it fails, so does the statement, without being run. */
  readonly prepended?: string | undefined
}

/** What a statement brought, in the form that was asked for. */
export interface QueryResult {
  readonly objects: ReadonlyArray<Row>
  readonly values: ReadonlyArray<ReadonlyArray<unknown>>
  readonly result: Result
}

/** Who asks a session without a fiber in between; one of the two is called, once, when the statement has ended. */
export interface ResultHandler {
  /** It was answered; `now` is the monotonic millisecond when the answer was heard. */
  onSuccess(answer: QueryResult, now: number): void
  onFailure(cause: Cause.Cause<SqlError>): void
}

/** A statement on its way; by it the session is told that nobody waits for it any more. */
export interface QueryHandle {
  handler: ResultHandler | undefined
}
