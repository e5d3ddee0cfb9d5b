/** Start to first row: Effect's own client, imported as its documentation shows it. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { reportFirstRow, url } from "./FirstRow.ts"

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  reportFirstRow(yield* sql`select id, name, balance from bench_point where id = ${1}`)
})

await Effect.runPromise(Effect.provide(program, PgClient.layer({ url: Redacted.make(url) })))
