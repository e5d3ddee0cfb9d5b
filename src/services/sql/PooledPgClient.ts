/** `PgClient` and `SqlClient` over the session pool. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import * as Statement from "effect/sql/Statement"
import * as PgClient from "@effect/sql-pg/PgClient"
import { Listener } from "./Listener.ts"
import { withFastPath } from "./FastPath.ts"
import { tracedBorrower } from "./TracedStatements.ts"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import { makeTransactions } from "./WithTransaction.ts"

/** The statement of `PgClient.notify`; parameters: channel, payload. */
export const NOTIFY_STATEMENT = "select pg_notify($1, $2)"

/** Options of the SQL client; all optional, as in Effect's own client. */
export interface PgClientOptions {
  readonly transformResultNames?: ((name: string) => string) | undefined
  readonly transformQueryNames?: ((name: string) => string) | undefined
  /** Whether names inside JSON values are transformed, too. */
  readonly transformJson?: boolean | undefined
  /** Attributes added to every span. */
  readonly spanAttributes?: Record<string, unknown> | undefined
}

/** Number of clients created: each has its own transaction in the context. */
let clients = 0

const transactionConnection = () =>
  Context.Service<SqlClient.TransactionConnection, SqlClient.TransactionConnection.Service>(
    `effect-supavisor/PooledPgClient/TransactionConnection/${clients++}`
  )

const PgJson = Statement.custom<PgClient.PgCustom>("PgJson")

const make = Effect.fnUntraced(function* (options: PgClientOptions) {
  const pool = yield* SessionPool
  const listener = yield* Listener
  const config = yield* SessionConfig
  const transactionService = transactionConnection()
  const spanAttributes: ReadonlyArray<readonly [string, unknown]> = [
    ...Object.entries(options.spanAttributes ?? {}),
    ["db.system.name", "postgresql"],
    ["db.namespace", pool.endpoint.database],
    ["db.client.connection.pool.name", pool.name],
    ["server.address", pool.endpoint.host],
    ["server.port", pool.endpoint.port]
  ]
  const transformRows =
    options.transformResultNames === undefined
      ? undefined
      : Statement.defaultTransforms(options.transformResultNames, options.transformJson).array
  const stock = yield* SqlClient.make({
    driver: "pg",
    acquirer: pool.reserve,
    borrower: tracedBorrower(pool, config.pool.pipeline > 0),
    transactionAcquirer: pool.reserve,
    transactionService,
    prepareTransactionControls: true,
    compiler: PgClient.makeCompiler(options.transformQueryNames, options.transformJson),
    spanAttributes,
    ...(transformRows === undefined ? {} : { transformRows })
  })
  const client = yield* withFastPath(stock, { run: pool.run, transactionService, transformRows })
  const connection = config.connection
  const pgClient: PgClient.PgClient = Object.assign(client, {
    [PgClient.TypeId]: PgClient.TypeId,
    ...makeTransactions(pool, { clock: yield* Clock.Clock, transactionService, spanAttributes }),
    config: {
      ...options,
      host: pool.endpoint.host,
      port: pool.endpoint.port,
      database: pool.endpoint.database,
      username: connection?.username,
      password: config.passwordProvider === undefined ? connection?.password : Effect.orDie(config.passwordProvider),
      applicationName: config.applicationName,
      connectTimeout: Duration.toMillis(config.connectTimeout),
      prepare: config.prepare
    },
    json: (value: unknown) => Statement.fragment([PgJson(value)]),
    listen: listener.notifications,
    notify: (channel: string, payload: string) =>
      Effect.asVoid(pool.borrow((session) => session.executeRaw(NOTIFY_STATEMENT, [channel, payload])))
  })
  return Context.make(PgClient.PgClient, pgClient).pipe(Context.add(SqlClient.SqlClient, pgClient))
})

/** Provides `PgClient`, `SqlClient` and `Listener` over the pool, with real or scripted sessions. */
export const layer = (
  options: PgClientOptions = {}
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient | Listener, never, SessionPool | SessionConfig> =>
  Layer.effectContext(make(options)).pipe(Layer.provideMerge(Listener.layer), Layer.provide(Reactivity.layer))
