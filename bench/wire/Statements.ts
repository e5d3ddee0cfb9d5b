/** The operations as statements of the benchmark's own client. */
import { NOTE, type Operation, type Rows, SQL } from "../Operation.ts"
import { Statement } from "./Frames.ts"

const statements = {
  select1: new Statement("select1", SQL.select1, 0),
  point: new Statement("point", SQL.point, 1),
  insert: new Statement("insert", SQL.insert, 2),
  rows: new Statement("rows", SQL.rows, 0),
  wait: new Statement("wait", SQL.wait, 0),
  update: new Statement("update", SQL.update, 1),
  begin: new Statement("begin", "begin", 0),
  commit: new Statement("commit", "commit", 0)
}

type Query = (statement: Statement, values: ReadonlyArray<string>) => Promise<Rows>

/** Operations of one statement. */
export const singleStatements = (
  query: Query
): Record<Exclude<Operation, "transaction">, (key: number) => Promise<Rows>> => ({
  select1: () => query(statements.select1, []),
  point: (key) => query(statements.point, [String(key)]),
  insert: (key) => query(statements.insert, [String(key), NOTE]),
  rows: () => query(statements.rows, []),
  wait: () => query(statements.wait, [])
})

/** Begin, select, update, commit, each in its own round trip. */
export const transaction = async (query: Query, key: number): Promise<Rows> => {
  await query(statements.begin, [])
  const rows = await query(statements.point, [String(key)])
  await query(statements.update, [String(key)])
  await query(statements.commit, [])
  return rows
}
