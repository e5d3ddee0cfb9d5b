/** A statement to run, its result, and the handler that receives it. */
import type * as Cause from "effect/Cause"
import type { SqlError } from "effect/sql/SqlError"
import type { RowShape } from "./RowShape.ts"
import type { Result, Row } from "@effect/sql-pg/PgConnection"

/** The form of a row: an object by column name, or an array by position. */
export type RowForm = "objects" | "values"

/** A statement to run. */
export interface Query {
  readonly sql: string
  readonly params: ReadonlyArray<unknown>
  /** Whether the statement is prepared under a name, to be used again. */
  readonly named: boolean
  readonly form: RowForm
  /** Sent ahead, before the same Sync: when it fails, the statement fails too, without being run. */
  readonly prepended?: string | undefined
  /** Set for a part of a statement whose rows are fetched in turn. */
  readonly portal?: Portal | undefined
}

/** A part of a statement that has a portal of its own, which lives until its transaction ends. */
export interface Portal {
  readonly name: string
  /** `open` runs the statement, up to the first rows. */
  readonly part: "open" | "fetch" | "close"
  readonly maxRows: number
  /** The shape of its rows, once the server has described them. */
  readonly shape: RowShape | undefined
}

/** The result of a statement, in the form of its query. */
export interface QueryResult {
  readonly objects: ReadonlyArray<Row>
  readonly values: ReadonlyArray<ReadonlyArray<unknown>>
  readonly result: Result
}

/** Receives the end of a statement without a fiber in between; one of the two is called, once. */
export interface ResultHandler {
  /** `now` is the monotonic millisecond when the result arrived. */
  onSuccess(result: QueryResult, now: number): void
  onFailure(cause: Cause.Cause<SqlError>): void
}

/** A statement in flight, by which it can be cancelled. */
export interface QueryHandle {
  handler: ResultHandler | undefined
}
