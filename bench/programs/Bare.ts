/** Start to first row: the bare client. */
import { SocketPool } from "../wire/SocketPool.ts"
import { single } from "../wire/Statements.ts"
import { firstRow, url } from "./FirstRow.ts"

const pool = await SocketPool.open(url, 1)
firstRow(await single((statement, values) => pool.query(statement, values)).point(1))
await pool.close()
