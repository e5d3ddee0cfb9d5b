/** Logged-in connections of the doctor, opened by the code that opens the pool's sessions. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import { SessionError } from "../../errors/SessionError.ts"
import { DriverOptions } from "../../session/DriverOptions.ts"
import { type DialProgress, logIn } from "../../session/OpenSession.ts"
import { terminate } from "../../session/PgSession.ts"
import { queryBackend } from "../../session/SessionModeCheck.ts"
import type { DoctorClient, DoctorContext } from "./DoctorContext.ts"

/** The application_name of the doctor's connections in pg_stat_activity. */
export const APPLICATION_NAME = "effect-supavisor doctor"

/**
 * Logs in and runs a first statement, within the limit; Terminate is sent when the scope closes. Returns the connection,
 * the backend that answered, and after how many milliseconds.
 */
export const openClient = Effect.fnUntraced(function* (context: DoctorContext, limitMillis: number) {
  const { connection, endpoint, reachableAddress, settings } = context
  const dial: DialProgress = { phase: "dns", wire: undefined }
  const target = {
    endpoint: { ...endpoint, address: reachableAddress },
    connection,
    config: { ...settings, applicationName: APPLICATION_NAME, prepare: false },
    driver: yield* DriverOptions
  }
  const opened = yield* logIn(dial, target, limitMillis, ({ connection: driver, failing, now, scope, wire }) =>
    Effect.gen(function* () {
      const sent = now()
      const backend = yield* Effect.mapError(queryBackend(driver), failing)
      const client: DoctorClient = {
        connection: driver,
        tap: wire.tap,
        isEncrypted: wire.encrypted,
        close: terminate(wire.socket, scope),
        destroy: () => wire.socket.destroy()
      }
      return { client, backend, answerMillis: now() - sent }
    })
  ).pipe(
    Effect.tapError((error) =>
      Effect.sync(() => {
        context.wasAuthenticated = dial.wire?.tap.authenticated ?? false
        if (error.reason._tag === "ConnectFailed") context.poolSize = error.reason.ceiling ?? context.poolSize
      })
    )
  )
  yield* Effect.addFinalizer(() => opened.client.close)
  return opened
})

/** The second login gets half of the check's limit: the check that needs it runs in the rest. */
const SHARE_OF_LIMIT = 0.5

/** Opens the second connection, or records why it was refused. */
export const openSecond = (context: DoctorContext): Effect.Effect<void, never, Scope.Scope> =>
  Effect.match(openClient(context, context.limitMillis * SHARE_OF_LIMIT), {
    onFailure: (error) => {
      context.secondError = error
    },
    onSuccess: ({ client }) => {
      context.second = client
    }
  })

/** The error of a failed statement. */
export const statementError = (context: DoctorContext, error: SqlError): SessionError => {
  const { host, port } = context.connection
  return SessionError.fromSqlError(error, { host, port }) ?? context.failure("session", context.now(), error, true)
}

/** The rows of a statement, which is not prepared. */
export const rowsOf = (
  client: DoctorClient,
  sql: string,
  params: ReadonlyArray<unknown> = []
): Effect.Effect<ReadonlyArray<PgConnection.Row>, SqlError> =>
  Effect.map(client.connection.query(sql, params, false), ({ rows }) => rows)
