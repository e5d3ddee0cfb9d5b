/** Clears what a borrower left behind in a session and puts the session's own settings back, verified. */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { Result } from "@effect/sql-pg/PgConnection"
import { applyStatement, readFacts, type SessionSettings, unapplied } from "./SessionSettings.ts"

/**
 * What DISCARD ALL does, less DEALLOCATE ALL: the driver's named statements are kept, so that a reset does not cost
 * every statement its plan (PostgreSQL docs, DISCARD).
 */
const RESET_STATEMENTS: ReadonlyArray<string> = [
  "close all",
  "set session authorization default",
  "reset all",
  "unlisten *",
  "select pg_advisory_unlock_all()",
  "discard temp",
  "discard sequences"
]

type Query = (
  sql: string,
  params: ReadonlyArray<unknown>,
  gathered?: boolean
) => Effect.Effect<Pick<Result, "rows">, SqlError>

/** Two writes: the resets travel together, then the settings. True when the session is as it was after login. */
export const resetSession = (query: Query, settings: SessionSettings): Effect.Effect<boolean, SqlError> =>
  Effect.gen(function* () {
    yield* Effect.forEach(RESET_STATEMENTS, (statement) => query(statement, [], true), {
      concurrency: "unbounded",
      discard: true
    })
    const { params, sql } = applyStatement(settings)
    const result = yield* query(sql, params)
    return unapplied(readFacts(settings, result.rows[0] ?? {})).length === 0
  })
