/** Start to first row: the bare client. */
import { SocketPool } from "../wire/SocketPool.ts"
import { singleStatements } from "../wire/Statements.ts"
import { reportFirstRow, url } from "./FirstRow.ts"

const pool = await SocketPool.open(url, 1)
reportFirstRow(await singleStatements((statement, values) => pool.query(statement, values)).point(1))
await pool.close()
