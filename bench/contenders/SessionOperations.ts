/** The operations without Effect SQL: text and values, sent to a session of a pool or to the pool itself. */
import * as Effect from "effect/Effect"
import type { EffectClient } from "../EffectContender.ts"
import { NOTE, type Operation, type Rows, SQL } from "../Operation.ts"

/** Runs a statement on a session. */
type Query<Session> = (session: Session, sql: string, values: ReadonlyArray<unknown>) => Effect.Effect<Rows, unknown>

type Use<Session> = (f: (session: Session) => Effect.Effect<Rows, unknown>) => Effect.Effect<Rows, unknown>

/** Operations of one statement. */
export const singleOperations = (
  query: (sql: string, values: ReadonlyArray<unknown>) => Effect.Effect<Rows, unknown>
): Omit<EffectClient["operations"], Extract<Operation, "transaction">> => ({
  select1: () => query(SQL.select1, []),
  point: (key) => query(SQL.point, [key]),
  insert: (key) => query(SQL.insert, [key, NOTE]),
  rows: () => query(SQL.rows, []),
  wait: () => query(SQL.wait, [])
})

export const sessionOperations = <Session>(use: Use<Session>, query: Query<Session>): EffectClient["operations"] => ({
  ...singleOperations((sql, values) => use((session) => query(session, sql, values))),
  transaction: (key) =>
    use((session) =>
      Effect.gen(function* () {
        yield* query(session, "begin", [])
        const rows = yield* query(session, SQL.point, [key])
        yield* query(session, SQL.update, [key])
        yield* query(session, "commit", [])
        return rows
      })
    )
})
