/** The limit: a client that only writes and reads the socket, one statement at a time per session. */
import { promiseContender } from "../PromiseContender.ts"
import { SocketPool } from "../wire/SocketPool.ts"
import { single, transaction } from "../wire/Statements.ts"

export const contender = promiseContender(async ({ sessions, url }) => {
  const pool = await SocketPool.open(url, sessions)
  return {
    operations: {
      ...single((statement, values) => pool.query(statement, values)),
      transaction: (key) => pool.use((query) => transaction(query, key))
    },
    hold: async () => {},
    close: () => pool.close()
  }
})
