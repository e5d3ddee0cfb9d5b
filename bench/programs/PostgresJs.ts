/** Start to first row: postgres.js. */
import postgres from "postgres"
import { reportFirstRow, url } from "./FirstRow.ts"

const sql = postgres(url)
reportFirstRow(await sql`select id, name, balance from bench_point where id = ${1}`)
await sql.end()
