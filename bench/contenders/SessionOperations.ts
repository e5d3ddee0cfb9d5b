/** The operations without the statements of Effect SQL: text and values, straight to a session of a pool. */
import * as Effect from "effect/Effect"
import type { EffectClient } from "../EffectContender.ts"
import { NOTE, type Rows, SQL } from "../Operation.ts"

/** Runs a statement on the session it is given. */
type Query<Session> = (session: Session, sql: string, values: ReadonlyArray<unknown>) => Effect.Effect<Rows, unknown>

type Use<Session> = (f: (session: Session) => Effect.Effect<Rows, unknown>) => Effect.Effect<Rows, unknown>

export const sessionOperations = <Session>(use: Use<Session>, query: Query<Session>): EffectClient["operations"] => ({
  select1: () => use((session) => query(session, SQL.select1, [])),
  point: (key) => use((session) => query(session, SQL.point, [key])),
  insert: (key) => use((session) => query(session, SQL.insert, [key, NOTE])),
  rows: () => use((session) => query(session, SQL.rows, [])),
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
