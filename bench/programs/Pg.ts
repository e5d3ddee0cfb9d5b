/** Start to first row: node-postgres. */
import pg from "pg"
import { reportFirstRow, url } from "./FirstRow.ts"

const pool = new pg.Pool({ connectionString: url })
reportFirstRow((await pool.query("select id, name, balance from bench_point where id = $1", [1])).rows)
await pool.end()
