/** Start to first row: Effect's own client, each module imported by its path. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { reportFirstRow, url } from "./FirstRow.ts"

const program = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  reportFirstRow(yield* sql`select id, name, balance from bench_point where id = ${1}`)
})

await Effect.runPromise(Effect.provide(program, PgClient.layer({ url: Redacted.make(url) })))
