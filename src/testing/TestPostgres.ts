/** A PostgreSQL server for a test file, with a fresh database for each test. */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { SqlError } from "effect/sql/SqlError"
import {
  type EmbeddedDatabase,
  EmbeddedPostgres,
  type EmbeddedPostgresError,
  type EmbeddedPostgresOptions,
  type EmbeddedPostgresShape
} from "../services/embedded/EmbeddedPostgres.ts"

/** The `application_name` of the `admin` connection, to exclude it from counts in pg_stat_activity. */
export const adminApplicationName = "effect-supavisor-admin"

export interface TestPostgresShape extends Pick<EmbeddedPostgresShape, "host" | "port" | "url" | "restart" | "start"> {
  /** The server: host, port, password, logs, data directory. */
  readonly server: EmbeddedPostgresShape
  /** A new, empty database; dropped WITH (FORCE) when the scope closes. */
  readonly freshDatabase: Effect.Effect<EmbeddedDatabase, EmbeddedPostgresError, Scope.Scope>
  /** Runs a statement as superuser on a separate, lasting connection; after a failure once more on a new one. */
  readonly admin: (
    sql: string,
    params?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<PgConnection.Row>, SqlError>
  /** As on the server; the `admin` connection is closed first, so that it does not delay a smart stop. */
  readonly stop: EmbeddedPostgresShape["stop"]
}

/** Whether the session has ended: its socket failed, or the server sent a FATAL error. */
const isDead = (error: SqlError): boolean =>
  error.reason._tag === "ConnectionError" ||
  (Predicate.hasProperty(error.reason.cause, "severity") && error.reason.cause.severity === "FATAL")

/** One lazily opened superuser connection that is replaced after a failure. */
const makeAdmin = Effect.fnUntraced(function* (url: Redacted.Redacted<string>) {
  let current: { readonly connection: PgConnection.PgConnection; readonly scope: Scope.Closeable } | undefined
  const oneAtATime = yield* Semaphore.make(1)
  const forget = Effect.suspend(() => {
    const closing = current
    current = undefined
    return closing === undefined ? Effect.void : Scope.close(closing.scope, Exit.void)
  })
  yield* Effect.addFinalizer(() => forget)
  const open = Effect.gen(function* () {
    const scope = yield* Scope.make()
    const connection = yield* PgConnection.make({ url, applicationName: adminApplicationName }).pipe(
      Scope.provide(scope),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    current = { connection, scope }
    return connection
  })
  const run = (sql: string, params: ReadonlyArray<unknown>): Effect.Effect<PgConnection.Result, SqlError> =>
    Effect.suspend(() => {
      const kept = current?.connection
      return Effect.flatMap(kept === undefined ? open : Effect.succeed(kept), ({ query }) => query(sql, params)).pipe(
        Effect.catchIf(isDead, (error) =>
          Effect.andThen(forget, kept === undefined ? Effect.fail(error) : run(sql, params))
        )
      )
    })
  return {
    forget: oneAtATime.withPermits(1)(forget),
    query: (sql: string, params: ReadonlyArray<unknown> = []) =>
      oneAtATime.withPermits(1)(Effect.map(run(sql, params), (result) => result.rows))
  }
})

const make = Effect.fnUntraced(function* (
  options?: EmbeddedPostgresOptions
): Effect.fn.Return<TestPostgresShape, EmbeddedPostgresError, Scope.Scope> {
  const server = yield* EmbeddedPostgres.make(options)
  const admin = yield* makeAdmin(server.url)
  let databases = 0
  return {
    server,
    host: server.host,
    port: server.port,
    url: server.url,
    freshDatabase: Effect.acquireRelease(
      Effect.suspend(() => {
        databases += 1
        return server.createDatabase(`test_${databases}`)
      }),
      ({ name }) => Effect.ignore(admin.query(`drop database if exists "${name}" with (force)`))
    ),
    admin: admin.query,
    restart: server.restart,
    stop: (mode) => Effect.andThen(admin.forget, server.stop(mode)),
    start: server.start
  }
})

/** A PostgreSQL server that runs while the layer's scope is open. */
export class TestPostgres extends Context.Service<TestPostgres, TestPostgresShape>()("effect-supavisor/TestPostgres") {
  /** Starts a server with options; it runs while the scope is open. */
  static readonly make = make

  /** The default server. It is one value: all tests of a file that provide it share the server. */
  static readonly layer: Layer.Layer<TestPostgres, EmbeddedPostgresError> = Layer.effect(TestPostgres, make())

  /** A server with options. Keep the returned value: each call makes another server. */
  static readonly layerWith = (options: EmbeddedPostgresOptions): Layer.Layer<TestPostgres, EmbeddedPostgresError> =>
    Layer.effect(TestPostgres, make(options))
}
