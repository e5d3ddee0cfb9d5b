/**
 * `PgClient` over the scripted pool, put together of the parts the real one is made of: the driver's compiler, the
 * pool's leases, the transactions and the listener.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Listener } from "../../services/Listener.ts"
import { SessionConfig } from "../../services/SessionConfig.ts"
import { SessionPool } from "../../services/SessionPool.ts"
import { makeWithTransaction } from "../../services/Transactions.ts"

const PgJson = Statement.custom<PgClient.PgCustom>("PgJson")

/** Clients so far: each has a transaction of its own in the context. */
let clients = 0

const make = Effect.gen(function* () {
  const pool = yield* SessionPool
  const listener = yield* Listener
  const config = yield* SessionConfig
  const transactionService = Context.Service<SqlClient.TransactionConnection, SqlClient.TransactionConnection.Service>(
    `effect-supavisor/testing/ScriptedClient/TransactionConnection/${clients++}`
  )
  const spanAttributes = [["db.system.name", "postgresql"]] as const
  const client = yield* SqlClient.make({
    driver: "pg",
    acquirer: pool.reserve,
    borrower: pool.borrow,
    transactionAcquirer: pool.reserve,
    transactionService,
    prepareTransactionControls: true,
    compiler: PgClient.makeCompiler(),
    spanAttributes
  })
  const pgClient: PgClient.PgClient = Object.assign(client, {
    [PgClient.TypeId]: PgClient.TypeId,
    withTransaction: makeWithTransaction(pool, { transactionService, spanAttributes }),
    config: { ...pool.endpoint, applicationName: config.applicationName, prepare: config.prepare },
    json: (value: unknown) => Statement.fragment([PgJson(value)]),
    listen: listener.listen,
    notify: (channel: string, payload: string) =>
      Effect.asVoid(pool.borrow((session) => session.executeRaw("select pg_notify($1, $2)", [channel, payload])))
  })
  return Context.make(PgClient.PgClient, pgClient).pipe(Context.add(SqlClient.SqlClient, pgClient))
})

export const layer: Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, never, SessionPool | SessionConfig> =
  Layer.effectContext(make).pipe(Layer.provide([Listener.layer, Reactivity.layer]))
