/**
 * A connection of the doctor's own: opened as a session of the pool is, at an address that was looked at before, with
 * a reader beside it that tells what the server said.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import * as PgConnection from "@effect/sql-pg/PgConnection"
import type * as Net from "node:net"
import * as Tls from "node:tls"
import { Duplex } from "node:stream"
import type { SslMode } from "../../config/ConnectionString.ts"
import type { Phase } from "../../errors/catalogue/Entry.ts"
import { connectTcp } from "../network/TcpConnection.ts"
import { SessionError } from "../../errors/SessionError.ts"
import { askBackend, type Backend } from "../../session/SessionModeCheck.ts"
import { startupOptions } from "../../session/SessionSettings.ts"
import { requestTls, fallbackMode } from "../../wire/TlsNegotiation.ts"
import { WireTap } from "../../wire/WireTap.ts"
import { type Examination, outOfTime, type Client } from "./DoctorContext.ts"

/** What the doctor's sessions are called in pg_stat_activity. */
export const APPLICATION_NAME = "effect-supavisor doctor"

/** How long the server may take to hang up after Terminate before the socket is destroyed. */
const GOODBYE_MILLIS = 2000

/** The driver writes a cancel of its own here when it is interrupted; nobody is asked, since the socket goes anyway. */
const nowhere = (): Duplex => new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })

/** An encrypted socket to the address that was reached before; fails with Node's error. */
export const openWire = (examination: Examination, mode: SslMode): Effect.Effect<Net.Socket, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { connection, reachable, rootCertificate } = examination
    const raw = yield* connectTcp(reachable ?? connection.host, connection.port)
    return yield* Effect.acquireRelease(
      requestTls(raw, connection.host, { mode, rootCertificate }),
      (socket) => Effect.sync(() => socket.destroy()),
      { interruptible: true }
    )
  })

interface Progress {
  phase: Phase
  tap: WireTap | undefined
  socket: Net.Socket | undefined
}

const authenticate = (
  { connection, settings }: Examination,
  socket: Net.Socket
): Effect.Effect<PgConnection.PgConnection, SqlError, Scope.Scope> => {
  let isLent = false
  const password = settings.passwordProvider ?? connection.password
  return PgConnection.make({
    host: connection.host,
    port: connection.port,
    username: connection.username,
    database: connection.database,
    ...(password === undefined ? {} : { password: password as Redacted.Redacted }),
    ssl: false,
    stream: () => {
      if (isLent) return nowhere()
      isLent = true
      return socket
    },
    connectTimeout: Duration.infinity,
    applicationName: APPLICATION_NAME,
    startupOptions: startupOptions(connection),
    prepare: false,
    multiplex: true
  })
}

const loginOnce = Effect.fnUntraced(function* (
  examination: Examination,
  mode: SslMode,
  progress: Progress,
  scope: Scope.Closeable
): Effect.fn.Return<Client, unknown> {
  const { now } = examination
  const began = now()
  progress.phase = "tcp"
  const socket = yield* Scope.provide(openWire(examination, mode), scope)
  progress.socket = socket
  progress.phase = "authentication"
  const tap = new WireTap(now)
  progress.tap = tap
  socket.on("data", tap.push)
  const gone = Deferred.makeUnsafe<void>()
  socket.once("close", () => Deferred.doneUnsafe(gone, Effect.void))
  // The driver's Terminate has to be written before the socket's own finalizer destroys it.
  const session = yield* Scope.fork(scope)
  const connection = yield* Scope.provide(authenticate(examination, socket), session)
  return {
    connection,
    tap,
    isEncrypted: socket instanceof Tls.TLSSocket,
    loginMillis: now() - began,
    leave: Effect.suspend(() => {
      // A socket with unread data sees the server hang up only when somebody reads on.
      socket.resume()
      return Scope.close(session, Exit.void).pipe(
        Effect.andThen(Effect.timeoutOption(Deferred.await(gone), GOODBYE_MILLIS)),
        Effect.andThen(Scope.close(scope, Exit.void))
      )
    }),
    hangUp: () => socket.destroy()
  }
})

/** What a login brings: the connection, and who answered its first statement after how long. */
export interface Login {
  readonly client: Client
  readonly backend: Backend
  readonly answerMillis: number
}

/** Why a login ended, in the words of the server where it said any. */
const reasonOf = (examination: Examination, progress: Progress, since: number, cause: unknown): SessionError => {
  examination.wasAuthenticated = progress.tap?.authenticated ?? false
  const failure = progress.tap?.fatal ?? cause
  return examination.failure(progress.phase, since, failure, examination.wasAuthenticated)
}

/**
 * Logs in and runs a first statement, within the limit; leaves when the scope closes. `allow` and `prefer` try twice, as
 * a session of the pool does.
 */
export const login = (
  examination: Examination,
  limitMillis: number
): Effect.Effect<Login, SessionError, Scope.Scope> => {
  const attempt = Effect.fnUntraced(function* (mode: SslMode): Effect.fn.Return<Login, SessionError, Scope.Scope> {
    const { now } = examination
    const began = now()
    const progress: Progress = { phase: "tcp", tap: undefined, socket: undefined }
    const scope = Scope.makeUnsafe()
    const work = Effect.gen(function* () {
      const client = yield* loginOnce(examination, mode, progress, scope)
      progress.phase = "session"
      const asked = now()
      const backend = yield* askBackend(client.connection)
      return { client, backend, answerMillis: now() - asked }
    })
    const opened = yield* Effect.mapError(work, (cause) => reasonOf(examination, progress, began, cause)).pipe(
      Effect.raceFirst(
        Effect.flatMap(Effect.sleep(limitMillis), () => {
          // Without a socket the driver does not wait for an answer to its interruption.
          progress.socket?.destroy()
          const failure = outOfTime(`no answer within ${limitMillis} ms`)
          return Effect.fail(reasonOf(examination, progress, began, failure))
        })
      ),
      Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit)))
    )
    yield* Effect.addFinalizer(() => opened.client.leave)
    return opened
  })
  const { mode } = examination.settings.ssl
  return attempt(mode).pipe(
    Effect.catch((error) => {
      const other = fallbackMode(mode, error)
      return other === undefined ? Effect.fail(error) : attempt(other)
    }),
    Effect.tapError((error) => Effect.sync(() => examination.learn(error)))
  )
}

/** The second login takes a part of the limit, so that time remains for what it is for. */
const SHARE_OF_LIMIT = 0.5

/** Opens a second session beside the first, or notes why there is none. */
export const openSecond = (examination: Examination): Effect.Effect<void, never, Scope.Scope> =>
  Effect.match(login(examination, examination.limitMillis * SHARE_OF_LIMIT), {
    onFailure: (error) => {
      examination.secondRefusal = error
    },
    onSuccess: ({ client }) => {
      examination.second = client
    }
  })

/** The failure of a statement, classified. */
export const statementFailure = (examination: Examination, error: SqlError): SessionError =>
  SessionError.fromSqlError(error, {
    host: examination.connection.host,
    port: examination.connection.port
  }) ?? examination.failure("session", examination.now(), error, true)

/** Rows of a statement that is not prepared. */
export const rowsOf = (
  client: Client,
  sql: string,
  params: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<PgConnection.Row>, SqlError> =>
  Effect.map(client.connection.query(sql, params, false), ({ rows }) => rows)
