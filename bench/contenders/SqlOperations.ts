/** The operations in Effect SQL, for any client. */
import * as Effect from "effect/Effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { EffectClient } from "../EffectContender.ts"
import { NOTE, type Row } from "../Operation.ts"

export const sqlOperations = (sql: SqlClient): EffectClient["operations"] => {
  const point = (key: number) => sql<Row>`select id, name, balance from bench_point where id = ${key}`
  return {
    select1: () => sql<Row>`select 1 as one`,
    point,
    insert: (key) => sql<Row>`insert into bench_insert (caller, note) values (${key}, ${NOTE}) returning id`,
    rows: () => sql<Row>`select * from bench_wide`,
    wait: () => sql<Row>`select 1 as one from pg_sleep(0.04)`,
    transaction: (key) =>
      sql.withTransaction(
        Effect.gen(function* () {
          const rows = yield* point(key)
          yield* sql`update bench_point set balance = balance + 1 where id = ${key}`
          return rows
        })
      )
  }
}
