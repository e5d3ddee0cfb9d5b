/** Rows of one statement on a connection of its own. */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"

export const rowsOf = (url: Redacted.Redacted<string>, sql: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* PgConnection.make({ url })
      return (yield* connection.query(sql)).rows
    })
  )
