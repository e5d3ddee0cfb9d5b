/** What a script answers to which statement. */
import * as Effect from "effect/Effect"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { Result, Row } from "@effect/sql-pg/PgConnection"
import { isSessionError, type SessionError } from "../../services/errors/SessionError.ts"
import { toSqlError } from "../../services/errors/SqlErrors.ts"

/** A result in full, for a script that cares how many rows were affected; default: as many as there are `rows`. */
export interface Rows {
  readonly rows: ReadonlyArray<Row>
  readonly rowCount?: number | undefined
  /** The command tag's first word; default: the statement's first word. */
  readonly command?: string | undefined
}

/** An answer that stands: rows, or an error. */
export type Outcome = ReadonlyArray<Row> | Rows | SqlError | SessionError

/** An answer: one that stands, an effect that finds it (and may take its time), or a function of the parameters. */
export type Answer =
  | Outcome
  | Effect.Effect<Outcome, SqlError | SessionError>
  | ((
      params: ReadonlyArray<unknown>,
      statement: { readonly sql: string; readonly sessionId: number }
    ) => Outcome | Effect.Effect<Outcome, SqlError | SessionError>)

/**
 * Statements and their answers: by text, or in order of precedence by text or pattern. In a text neither
 * white space counts nor, outside of quotes, upper and lower case; a pattern is tested against the statement as it was
 * sent.
 */
export type Statements = Readonly<Record<string, Answer>> | ReadonlyArray<readonly [string | RegExp, Answer]>

const quotedOrNot = /"[^"]*"|'[^']*'|[^"']+/g

const normalized = (sql: string): string =>
  sql
    .replaceAll(/\s+/g, " ")
    .trim()
    .replaceAll(quotedOrNot, (part) => (part.startsWith('"') || part.startsWith("'") ? part : part.toLowerCase()))

/** Finds the answer to a statement; undefined when the script does not expect it. */
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

const settle = (sql: string, outcome: Outcome): Effect.Effect<Result, SqlError> => {
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

/** Runs an answer. */
export const give = (
  answer: Answer,
  sql: string,
  params: ReadonlyArray<unknown>,
  sessionId: number
): Effect.Effect<Result, SqlError> => {
  const found = typeof answer === "function" ? answer(params, { sql, sessionId }) : answer
  if (!Effect.isEffect(found) || isSqlError(found) || isSessionError(found)) return settle(sql, found as Outcome)
  return Effect.matchEffect(found, {
    onFailure: (error) => settle(sql, error),
    onSuccess: (outcome) => settle(sql, outcome)
  })
}
