/** Logged-in connections of the doctor, opened by the code that opens the pool's sessions. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import { SessionError } from "../../errors/SessionError.ts"
import { DriverOptions } from "../../session/DriverOptions.ts"
import { type Dial, logIn } from "../../session/OpenSession.ts"
import { terminate } from "../../session/PgSession.ts"
import { queryBackend, type Backend } from "../../session/SessionModeCheck.ts"
import type { Client, DoctorContext } from "./DoctorContext.ts"

/** The application_name of the doctor's connections in pg_stat_activity. */
export const APPLICATION_NAME = "effect-supavisor doctor"

/** A login, the backend that answered its first statement, and after how many milliseconds. */
interface OpenedClient {
  readonly client: Client
  readonly backend: Backend
  readonly answerMillis: number
}

/** Logs in and runs a first statement, within the limit; Terminate is sent when the scope closes. */
export const openClient = Effect.fnUntraced(function* (
  context: DoctorContext,
  limitMillis: number
): Effect.fn.Return<OpenedClient, SessionError, Scope.Scope> {
  const { connection, endpoint, reachableAddress: reachable, settings } = context
  const dial: Dial = { phase: "dns", wire: undefined }
  const target = {
    endpoint: { ...endpoint, address: reachable },
    connection,
    config: { ...settings, applicationName: APPLICATION_NAME, prepare: false },
    driver: yield* DriverOptions
  }
  const opened = yield* logIn(dial, target, limitMillis, ({ connection: driver, failing, now, scope, wire }) =>
    Effect.gen(function* () {
      const asked = now()
      const backend = yield* Effect.mapError(queryBackend(driver), failing)
      const client: Client = {
        connection: driver,
        tap: wire.tap,
        isEncrypted: wire.encrypted,
        close: terminate(wire.socket, scope),
        destroy: () => wire.socket.destroy()
      }
      return { client, backend, answerMillis: now() - asked }
    })
  ).pipe(
    Effect.tapError((error) =>
      Effect.sync(() => {
        context.wasAuthenticated = dial.wire?.tap.authenticated ?? false
        context.recordPoolSize(error)
      })
    )
  )
  yield* Effect.addFinalizer(() => opened.client.close)
  return opened
})

/** The second login takes a part of the limit, so that time remains for what it is for. */
const SHARE_OF_LIMIT = 0.5

/** Opens a second session beside the first, or notes why there is none. */
export const openSecond = (context: DoctorContext): Effect.Effect<void, never, Scope.Scope> =>
  Effect.match(openClient(context, context.limitMillis * SHARE_OF_LIMIT), {
    onFailure: (error) => {
      context.secondError = error
    },
    onSuccess: ({ client }) => {
      context.second = client
    }
  })

/** The failure of a statement, classified. */
export const statementError = (context: DoctorContext, error: SqlError): SessionError =>
  SessionError.fromSqlError(error, {
    host: context.connection.host,
    port: context.connection.port
  }) ?? context.failure("session", context.now(), error, true)

/** Rows of a statement that is not prepared. */
export const rowsOf = (
  client: Client,
  sql: string,
  params: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<PgConnection.Row>, SqlError> =>
  Effect.map(client.connection.query(sql, params, false), ({ rows }) => rows)
