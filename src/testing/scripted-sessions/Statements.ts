/** Statements and their answers. */
import * as Effect from "effect/Effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { Result, Row } from "@effect/sql-pg/PgConnection"
import { isSessionError, type SessionError } from "../../services/errors/SessionError.ts"
import { toSqlError } from "../../services/errors/SqlErrors.ts"

/** A result with the number of affected rows; default: the number of `rows`. */
export interface Rows {
  readonly rows: ReadonlyArray<Row>
  readonly rowCount?: number | undefined
  /** The command tag's first word; default: the statement's first word. */
  readonly command?: string | undefined
}

/** A fixed answer: rows, or an error. */
export type Outcome = ReadonlyArray<Row> | Rows | SqlError | SessionError

/** An answer: a fixed one, an effect that makes it, or a function of the parameters. */
export type Answer =
  | Outcome
  | Effect.Effect<Outcome, SqlError | SessionError>
  | ((
      params: ReadonlyArray<unknown>,
      statement: { readonly sql: string; readonly sessionId: number }
    ) => Outcome | Effect.Effect<Outcome, SqlError | SessionError>)

/**
 * Statements and their answers: by text, or by text or pattern in order of precedence. Texts are compared without
 * regard to white space and, outside quotes, to case; a pattern is tested against the statement as it was sent.
 */
export type Statements = Readonly<Record<string, Answer>> | ReadonlyArray<readonly [string | RegExp, Answer]>

const quotedOrNot = /"[^"]*"|'[^']*'|[^"']+/g

const normalized = (sql: string): string =>
  sql
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(quotedOrNot, (part) => (part.startsWith('"') || part.startsWith("'") ? part : part.toLowerCase()))

/** Finds the answer to a statement; undefined for one that the script does not expect. */
export const lookUp = (statements: Statements): ((sql: string) => Answer | undefined) => {
  const entries: ReadonlyArray<readonly [string | RegExp, Answer]> = Array.isArray(statements)
    ? statements
    : Object.entries(statements)
  const known = entries.map(([key, answer]) => ({ key: typeof key === "string" ? normalized(key) : key, answer }))
  return (sql) => {
    const text = normalized(sql)
    // A pattern with the flag g or y remembers where it stopped; `search` does not.
    return known.find(({ key }) => (typeof key === "string" ? key === text : sql.search(key) >= 0))?.answer
  }
}

const toResult = (sql: string, outcome: Outcome): Effect.Effect<Result, SqlError> => {
  if (isSqlError(outcome)) return Effect.fail(outcome)
  if (isSessionError(outcome)) return Effect.fail(toSqlError(outcome, "query"))
  const { command, rowCount, rows } =
    "rows" in outcome ? outcome : { rows: outcome, rowCount: undefined, command: undefined }
  return Effect.succeed({
    command: command ?? (/^\s*(\w+)/.exec(sql)?.[1] ?? "").toUpperCase(),
    rowCount: rowCount ?? rows.length,
    oid: null,
    rows,
    fields: []
  })
}

export const runAnswer = (
  answer: Answer,
  sql: string,
  params: ReadonlyArray<unknown>,
  sessionId: number
): Effect.Effect<Result, SqlError> => {
  const found = typeof answer === "function" ? answer(params, { sql, sessionId }) : answer
  if (!Effect.isEffect(found) || isSqlError(found) || isSessionError(found)) return toResult(sql, found as Outcome)
  return Effect.matchEffect(found, {
    onFailure: (error) => toResult(sql, error),
    onSuccess: (outcome) => toResult(sql, outcome)
  })
}
