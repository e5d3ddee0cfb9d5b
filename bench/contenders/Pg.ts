/** node-postgres as in its documentation: a Pool, texts and values. */
import pg from "pg"
import type { Contender } from "../Contender.ts"
import { NOTE, SQL } from "../Operation.ts"
import { promiseContender } from "../PromiseContender.ts"

/** With `named`, statements with values carry a name, so that each session prepares them once. */
export const nodePostgres = (named: boolean): Contender =>
  promiseContender(({ sessions, url }) => {
    // Keeps idle sessions open during a run, as the other clients do.
    const pool = new pg.Pool({ connectionString: url, max: sessions, idleTimeoutMillis: 0 })
    const statement = (name: keyof typeof SQL, values?: Array<unknown>) => ({
      text: SQL[name],
      ...(values === undefined ? {} : { values }),
      ...(named ? { name } : {})
    })
    const query = async (name: keyof typeof SQL, values?: Array<unknown>) =>
      (await pool.query(statement(name, values))).rows
    return {
      operations: {
        select1: () => query("select1"),
        point: (key) => query("point", [key]),
        insert: (key) => query("insert", [key, NOTE]),
        rows: () => query("rows"),
        wait: () => query("wait"),
        transaction: async (key) => {
          const client = await pool.connect()
          try {
            await client.query("begin")
            const { rows } = await client.query(statement("point", [key]))
            await client.query(statement("update", [key]))
            await client.query("commit")
            return rows
          } finally {
            client.release()
          }
        }
      },
      lease: async () => (await pool.connect()).release(),
      hold: async (count) => {
        const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()))
        for (const client of clients) client.release()
      },
      close: () => pool.end()
    }
  })

export const contender = nodePostgres(false)
