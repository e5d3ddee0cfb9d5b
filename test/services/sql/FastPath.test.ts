import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as SqlClient from "effect/sql/SqlClient"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { withFastPath } from "../../../src/services/sql/FastPath.ts"
import { ScriptedSessions } from "../../../src/testing/ScriptedSessions.ts"

it.effect("leaves the client as it is and logs one warning when Effect's evaluation key is not found", () =>
  Effect.gen(function* () {
    const stock = yield* SqlClient.SqlClient
    const { run } = yield* SessionPool
    const warnings: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => void warnings.push(`${logLevel} ${message}`))
    const transactionService = Context.Service<
      SqlClient.TransactionConnection,
      SqlClient.TransactionConnection.Service
    >("test/TransactionConnection")
    const client = yield* withFastPath(stock, {
      run,
      transactionService,
      transformRows: undefined,
      findKey: () => undefined
    }).pipe(Effect.provide(Logger.layer([logger])))
    assert.strictEqual(client, stock)
    assert.deepStrictEqual(yield* client`select 1 as one`, [{ one: 1 }])
    assert.deepStrictEqual(warnings, [
      "Warn This version of Effect evaluates statements in an unknown way: they run without the fast path."
    ])
  }).pipe(Effect.provide(ScriptedSessions.layerClient({ "select 1 as one": [{ one: 1 }] })))
)
