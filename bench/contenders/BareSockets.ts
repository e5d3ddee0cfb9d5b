/** A client that only writes to the socket and reads from it, one statement at a time per session. */
import type { Contender } from "../Contender.ts"
import { promiseContender } from "../PromiseContender.ts"
import { SocketPool } from "../wire/SocketPool.ts"
import { singleStatements, transaction } from "../wire/Statements.ts"
import type { Reading } from "../wire/WireSession.ts"

export const bareSockets = (reading?: Reading): Contender =>
  promiseContender(async ({ sessions, url }) => {
    const pool = await SocketPool.open(url, sessions, reading)
    return {
      operations: {
        ...singleStatements((statement, values) => pool.query(statement, values)),
        transaction: (key) => pool.use((query) => transaction(query, key))
      },
      hold: async () => {},
      close: () => pool.close()
    }
  })
