/** Runs the monitor's statement on an idle session, with a time limit. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { redact } from "../../config/ConnectionString.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { SessionPool } from "../../pool/SessionPool.ts"
import { activityStatement } from "./ActivityStatement.ts"
import { DatabaseView, mapNames } from "./DatabaseView.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** The time limit, in milliseconds. */
const QUERY_MILLIS = 5000

export type MonitorQueryOutcome =
  | { readonly _tag: "Seen"; readonly view: DatabaseView }
  | { readonly _tag: "NoSession" }
  | { readonly _tag: "Failed"; readonly reason: string; readonly isForbidden: boolean }

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(DatabaseView))

const failed = (reason: string, isForbidden = false): MonitorQueryOutcome => ({ _tag: "Failed", reason, isForbidden })

const reasonOf = (error: SqlError): string => SessionError.fromSqlError(error)?.message ?? error.message

/** An application may have the connection string as its name. */
const withoutSecrets = (view: DatabaseView, secrets: ReadonlyArray<string>): DatabaseView =>
  secrets.length === 0 ? view : mapNames(view, (name) => redact(name, secrets))

export interface MonitorQueryOptions {
  readonly applicationName: string
  readonly canSeeBlocking: boolean
  /** Removed from names. */
  readonly secrets: ReadonlyArray<string>
}

/**
 * Runs the statement once. Does not wait for a session; takes five seconds at most; never fails.
 *
 * The statement is not prepared, because the session is a different one each time.
 */
export const runMonitorQuery = (
  pool: SessionPool["Service"],
  options: MonitorQueryOptions
): Effect.Effect<MonitorQueryOutcome> =>
  pool
    .tryUse((session) =>
      session.executeUnprepared(activityStatement(options.canSeeBlocking), [options.applicationName], undefined)
    )
    .pipe(
      Effect.flatMap((answer): Effect.Effect<MonitorQueryOutcome, Schema.SchemaError> => {
        if (Option.isNone(answer)) return Effect.succeed({ _tag: "NoSession" })
        return Effect.map(decode(answer.value[0]?.["view"]), (view) => ({
          _tag: "Seen",
          view: withoutSecrets(view, options.secrets)
        }))
      }),
      Effect.timeoutOrElse({
        duration: QUERY_MILLIS,
        orElse: () =>
          Effect.succeed(failed(`The database gave no answer within ${QUERY_MILLIS / MILLIS_PER_SECOND} s.`))
      }),
      Effect.catch((error) =>
        Effect.succeed(
          isSqlError(error)
            ? failed(reasonOf(error), error.reason._tag === "AuthorizationError")
            : failed("The database's answer has an unexpected form.")
        )
      )
    )
