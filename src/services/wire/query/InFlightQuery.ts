/**
 * A statement in flight: the query, what has been received of its result, and the handler of its end.
 *
 * It covers everything from Parse or Bind to the ReadyForQuery that answers its Sync (PostgreSQL docs, "Extended
 * Query").
 */
import type { Field, Result, Row } from "@effect/sql-pg/PgConnection"
import type { PreparedStatement } from "./PreparedStatements.ts"
import type { RowShape } from "./RowShape.ts"
import type { Query, QueryResult, ResultHandler } from "./Query.ts"

/** The replies that a statement expects, and the named statements that they concern. */
export interface ExpectedReplies {
  /** The type byte of each reply in turn, as text; rows may come before a `C`. */
  expects: string
  /** The named statement it uses, if any. */
  prepared: PreparedStatement | undefined
  /** The named statement prepended to it, if any. */
  prependedStatement: PreparedStatement | undefined
  /** The format that was requested of its rows. */
  isBinary: boolean
}

const LETTER_C = 0x43
const LETTER_R = 0x52

const noFields: ReadonlyArray<Field> = []

export class InFlightQuery implements QueryResult, ExpectedReplies {
  readonly query: Query
  isBinary = true
  expects = ""
  prepared: PreparedStatement | undefined = undefined
  prependedStatement: PreparedStatement | undefined = undefined
  /** Index in `expects` of the next reply. */
  position = 0
  shape: RowShape | undefined = undefined
  /** Whether its portal has more rows. */
  isSuspended = false
  /** Rows in the form of the query; undefined before the first. */
  private rows: Array<unknown> | undefined = undefined
  /** Rows as they came, while a type of their columns is not known. */
  undecoded: Array<Buffer> | undefined = undefined
  /** Why it failed: the server's error as an `Error`, or what could not be sent or read. */
  failure: unknown = undefined
  /** Monotonic milliseconds when it was sent. */
  startedAt = 0
  /** Undefined when the caller has left. */
  handler: ResultHandler | undefined = undefined
  /** The statement sent after this one. */
  next: InFlightQuery | undefined = undefined
  /** The SQLSTATE of the server's error. */
  sqlState: string | undefined = undefined
  private readonly onEnd: (inFlight: InFlightQuery) => void
  /** Where the command tag was read; it is seldom used, and decoded then. */
  private tagBytes: Buffer | undefined = undefined
  private tagStart = 0
  private tagEnd = 0

  constructor(query: Query, onEnd: (inFlight: InFlightQuery) => void) {
    this.query = query
    this.onEnd = onEnd
  }

  /** The command tag, such as `SELECT 3`. */
  get tag(): string {
    return this.tagBytes?.toString("latin1", this.tagStart, this.tagEnd) ?? ""
  }

  /** Whether the command was COMMIT or ROLLBACK, which ROLLBACK TO SAVEPOINT is, too. */
  get isTransactionEnd(): boolean {
    const first = this.tagBytes?.[this.tagStart]
    return (first === LETTER_C || first === LETTER_R) && /^(?:COMMIT|ROLLBACK)$/.test(this.tag)
  }

  /** Records CommandComplete, whose tag is in these bytes. */
  complete(bytes: Buffer, start: number, end: number): void {
    this.tagBytes = bytes
    this.tagStart = start
    this.tagEnd = end
  }

  /** Adds a row. One row is the most frequent result, and an array that is pushed to reserves room for many. */
  add(row: unknown): void {
    if (this.rows === undefined) this.rows = [row]
    else this.rows.push(row)
  }

  /** Reports the end, once. */
  finish(): void {
    this.onEnd(this)
  }

  /** Reports the end of the retry of this query to the handler of this one. */
  finishAs(retry: InFlightQuery): void {
    retry.startedAt = this.startedAt
    retry.handler = this.handler
    this.onEnd(retry)
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

  /** The result in the form of the driver. */
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
