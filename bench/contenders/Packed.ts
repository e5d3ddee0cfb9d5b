/** The limit of pipelining: like bare, with up to 32 statements in one write. */
import { promiseContender } from "../PromiseContender.ts"
import { PackedPool } from "../wire/PackedPool.ts"
import { singleStatements } from "../wire/Statements.ts"

export const contender = promiseContender(async ({ sessions, url }) => {
  const pool = await PackedPool.open(url, sessions)
  return {
    operations: singleStatements((statement, values) => pool.query(statement, values)),
    hold: async () => {},
    close: () => pool.close()
  }
})
