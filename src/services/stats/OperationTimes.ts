/**
 * How long statements take, by operation and by what became of them: `db.client.operation.duration` of OpenTelemetry's
 * database conventions.
 *
 * A statement that succeeds costs two readings of the clock and the additions of a histogram. Failures are rare and
 * may cost a lookup.
 */
import type * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import { isSessionError } from "../errors/SessionError.ts"
import { Histogram } from "./Histogram.ts"
import { StatementCache } from "./StatementCache.ts"
import { OTHER, operationOf } from "./StatementText.ts"

/** What one histogram counts. */
export interface OperationSeries {
  /** The statement's first word in capitals, or `_OTHER`. */
  readonly operation: string
  /** The SQLSTATE, the `SessionError` code, `interrupted` or `_OTHER`; undefined for success. */
  readonly errorType: string | undefined
  /** The SQLSTATE of a failure that the server reported. */
  readonly sqlState: string | undefined
  readonly duration: Histogram
}

/** What is said of a statement that failed. */
export type Failure = Pick<OperationSeries, "errorType" | "sqlState">

/**
 * The most histograms there can be: SQL of the user's own may raise any of 36^5 SQLSTATEs, and every series costs its
 * reader memory for ever. PostgreSQL itself has about 260, of which a program meets a handful.
 */
const MAX_SERIES = 200

/** A statement under way. */
export interface Statement {
  readonly sql: string
  /** Monotonic milliseconds when it was written. */
  readonly began: number
  readonly now: () => number
  /** Finds what the server and the socket said of a failure. */
  readonly explain: (error: SqlError) => SqlError
}

type OnExit = (exit: Exit.Exit<unknown, SqlError>) => undefined

/** What is said of a failure in metrics. */
export const failureOf = (cause: Cause.Cause<SqlError>, explain: Statement["explain"]): Failure => {
  for (const reason of cause.reasons) {
    if (reason._tag !== "Fail") continue
    const found = explain(reason.error).reason.cause
    if (!isSessionError(found)) continue
    const sqlState = found.reason._tag === "StatementFailed" ? found.reason.sqlState : undefined
    return { errorType: sqlState ?? found.code, sqlState }
  }
  const interrupted = cause.reasons.some((reason) => reason._tag === "Interrupt")
  return { errorType: interrupted ? "interrupted" : OTHER, sqlState: undefined }
}

export class OperationTimes {
  /** Called when a statement of a new kind was recorded. */
  onSeries: () => void = () => {}

  private readonly byKey = new Map<string, OperationSeries>()
  private readonly statements: StatementCache

  constructor(statements = new StatementCache()) {
    this.statements = statements
  }

  /** Every kind of statement seen so far. */
  get series(): Iterable<OperationSeries> {
    return this.byKey.values()
  }

  /** Records the statement when it ends, then does what is to be done at its end. */
  timing({ began, explain, now, sql }: Statement, onExit: OnExit): OnExit {
    return (exit) => {
      const millis = now() - began
      if (Exit.isSuccess(exit)) this.succeeded(sql, millis)
      else this.failed(sql, millis, failureOf(exit.cause, explain))
      return onExit(exit)
    }
  }

  succeeded(sql: string, millis: number): void {
    const facts = this.statements.get(sql)
    facts.duration ??= this.histogram(facts.operation, undefined, undefined)
    facts.duration.recordMillis(millis)
  }

  failed(sql: string, millis: number, { errorType, sqlState }: Failure): void {
    this.histogram(operationOf(sql), errorType, sqlState).recordMillis(millis)
  }

  private histogram(operation: string, errorType: string | undefined, sqlState: string | undefined): Histogram {
    const key = `${operation} ${errorType} ${sqlState}`
    const known = this.byKey.get(key)
    if (known !== undefined) return known.duration
    const isLimited = errorType !== undefined && errorType !== OTHER
    if (this.byKey.size >= MAX_SERIES && isLimited) return this.histogram(operation, OTHER, undefined)
    const duration = new Histogram()
    this.byKey.set(key, { operation, errorType, sqlState, duration })
    this.onSeries()
    return duration
  }
}
