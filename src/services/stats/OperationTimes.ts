/**
 * `db.client.operation.duration` of OpenTelemetry's database conventions: durations by operation and outcome. A
 * statement that succeeds costs two clock readings, one lookup and the additions of a histogram.
 */
import type * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import type { SqlError } from "effect/sql/SqlError"
import { isSessionError } from "../errors/SessionError.ts"
import { Histogram } from "./Histogram.ts"
import { StatementCache } from "./StatementCache.ts"
import { OTHER, operationOf } from "./StatementText.ts"

export interface OperationSeries {
  /** The statement's first word in capitals, or `_OTHER`. */
  readonly operation: string
  /** The SQLSTATE, the `SessionError` code, `interrupted` or `_OTHER`; undefined for success. */
  readonly errorType: string | undefined
  /** The SQLSTATE of a failure that the server reported. */
  readonly sqlState: string | undefined
  readonly duration: Histogram
}

/** The metric attributes of a failed statement. */
export type Failure = Pick<OperationSeries, "errorType" | "sqlState">

/**
 * The most series: user SQL may raise any of 36^5 SQLSTATEs, and every series costs the metrics backend memory.
 * PostgreSQL itself defines about 260, of which a program meets a handful.
 */
const MAX_SERIES = 200

export interface Statement {
  readonly sql: string
  /** Monotonic milliseconds when it was written. */
  readonly began: number
  readonly now: () => number
  /** Adds the details of the server and the socket to an error. */
  readonly explain: (error: SqlError) => SqlError
}

type OnExit = (exit: Exit.Exit<unknown, SqlError>) => undefined

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
  /** Called when a series was added. */
  onSeries: () => void = () => {}

  private readonly byKey = new Map<string, OperationSeries>()
  private readonly statements: StatementCache

  constructor(statements = new StatementCache()) {
    this.statements = statements
  }

  get series(): Iterable<OperationSeries> {
    return this.byKey.values()
  }

  /** Returns an exit handler that records the statement, then calls `onExit`. */
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
