/** The limit of pipelining: as bare, with up to 32 statements in one write. */
import { promiseContender } from "../PromiseContender.ts"
import { PackedPool } from "../wire/PackedPool.ts"
import { single } from "../wire/Statements.ts"

export const contender = promiseContender(async ({ sessions, url }) => {
  const pool = await PackedPool.open(url, sessions)
  return {
    operations: single((statement, values) => pool.query(statement, values)),
    hold: async () => {},
    close: () => pool.close()
  }
})
