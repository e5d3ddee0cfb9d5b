/** postgres.js with its defaults: prepared statements, several of them pipelined in one session. */
import postgres from "postgres"
import { NOTE } from "../Operation.ts"
import { promiseContender } from "../PromiseContender.ts"

export const contender = promiseContender(({ sessions, url }) => {
  const sql = postgres(url, { max: sessions })
  return {
    operations: {
      select1: () => sql`select 1 as one`,
      point: (key) => sql`select id, name, balance from bench_point where id = ${key}`,
      insert: (key) => sql`insert into bench_insert (caller, note) values (${key}, ${NOTE}) returning id`,
      rows: () => sql`select * from bench_wide`,
      wait: () => sql`select 1 as one from pg_sleep(0.04)`,
      transaction: (key) =>
        sql.begin(async (sql) => {
          const rows = await sql`select id, name, balance from bench_point where id = ${key}`
          await sql`update bench_point set balance = balance + 1 where id = ${key}`
          return rows
        })
    },
    lease: async () => (await sql.reserve()).release(),
    hold: async (count) => {
      const reserved = await Promise.all(Array.from({ length: count }, () => sql.reserve()))
      for (const session of reserved) session.release()
    },
    close: () => sql.end()
  }
})
