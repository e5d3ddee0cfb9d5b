/**
 * One statement on its way: what was asked, what has been heard of the answer, and whom to tell.
 *
 * A cycle is everything between a Parse or Bind and the ReadyForQuery that answers its Sync (PostgreSQL docs, "Extended
 * Query").
 */
import type { Field, Result, Row } from "@effect/sql-pg/PgConnection"
import type { PreparedStatement } from "./PreparedStatements.ts"
import type { RowShape } from "./RowShape.ts"
import type { Query, QueryResult, ResultHandler } from "./Query.ts"

/** What is to be heard of a cycle, and of which named statements. */
export interface ExpectedReplies {
  /** The type byte of each answer in turn, as text; rows may come before a `C`. */
  expects: string
  /** The named statement it uses, if any. */
  prepared: PreparedStatement | undefined
  /** The named statement that goes ahead of it, if any. */
  prependedStatement: PreparedStatement | undefined
}

const noFields: ReadonlyArray<Field> = []

export class InFlightQuery implements QueryResult, ExpectedReplies {
  readonly query: Query
  expects = ""
  prepared: PreparedStatement | undefined = undefined
  prependedStatement: PreparedStatement | undefined = undefined
  /** How much of `expects` was heard. */
  position = 0
  shape: RowShape | undefined = undefined
  /** Rows in the form that was asked for; undefined before the first. */
  private rows: Array<unknown> | undefined = undefined
  /** Why it failed: the server's answer as an `Error`, or what could not be sent, read or waited for. */
  failure: unknown = undefined
  /** Monotonic milliseconds when it was asked. */
  startedAt = 0
  /** Who waits for the answer; undefined when nobody does any more. */
  handler: ResultHandler | undefined = undefined
  /** The cycle asked after this one. */
  next: InFlightQuery | undefined = undefined
  /** The SQLSTATE of the server's answer. */
  sqlState: string | undefined = undefined
  private readonly done: (cycle: InFlightQuery) => void
  /** Where the command tag was read; seldom wanted, so it is decoded by who wants it. */
  private tagBytes: Buffer | undefined = undefined
  private tagStart = 0
  private tagEnd = 0

  constructor(question: Query, done: (cycle: InFlightQuery) => void) {
    this.query = question
    this.done = done
  }

  /** The command tag, such as `SELECT 3`. */
  get tag(): string {
    return this.tagBytes?.toString("latin1", this.tagStart, this.tagEnd) ?? ""
  }

  /** The command was completed, with the tag in these bytes. */
  complete(bytes: Buffer, start: number, end: number): void {
    this.tagBytes = bytes
    this.tagStart = start
    this.tagEnd = end
  }

  /** A row was read. One is by far the most frequent number of rows, and an array that is pushed to has room for many. */
  add(row: unknown): void {
    if (this.rows === undefined) this.rows = [row]
    else this.rows.push(row)
  }

  /** Tells the end, once and for all. */
  finish(): void {
    this.done(this)
  }

  /** Tells the end of the same question asked anew to who asked first. */
  finishAs(other: InFlightQuery): void {
    other.startedAt = this.startedAt
    other.handler = this.handler
    this.done(other)
  }

  fail(failure: unknown): void {
    this.failure ??= failure
  }

  get objects(): ReadonlyArray<Row> {
    return (this.rows ?? []) as Array<Row>
  }

  get values(): ReadonlyArray<ReadonlyArray<unknown>> {
    return (this.rows ?? []) as Array<ReadonlyArray<unknown>>
  }

  /** All that is known of the answer, as the driver tells it. */
  get result(): Result {
    const [command = "", ...numbers] = this.tag.split(" ")
    const oid = command === "INSERT" ? Number(numbers[0]) : null
    const count = Number(numbers.at(-1))
    return {
      command,
      rowCount: Number.isInteger(count) ? count : 0,
      oid,
      rows: this.objects,
      fields: this.shape?.fields ?? noFields
    }
  }
}
