/** One look at the database: the statement on a session that nobody else wants, bounded, and its answer read. */
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

/** A server that sums up its connections for longer, in milliseconds, is too busy to be asked. */
const LOOK_MILLIS = 5000

/** How a look ended: what was seen, that no session was free for it, or why it failed. */
export type MonitorQueryOutcome =
  | { readonly _tag: "Seen"; readonly view: DatabaseView }
  | { readonly _tag: "NoSession" }
  | { readonly _tag: "Failed"; readonly reason: string; readonly isForbidden: boolean }

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(DatabaseView))

const failed = (reason: string, isForbidden = false): MonitorQueryOutcome => ({ _tag: "Failed", reason, isForbidden })

const reasonOf = (error: SqlError): string => SessionError.fromSqlError(error)?.message ?? error.message

/** An application may carry the whole connection string as its name. */
const withoutSecrets = (view: DatabaseView, secrets: ReadonlyArray<string>): DatabaseView =>
  secrets.length === 0 ? view : mapNames(view, (name) => redact(name, secrets))

/** What a look needs to know. */
export interface MonitorQueryOptions {
  readonly applicationName: string
  readonly canSeeBlocking: boolean
  /** What must not be shown, should a name of somebody contain it. */
  readonly secrets: ReadonlyArray<string>
}

/**
 * Looks once. Waits for no session and for no answer longer than five seconds; never fails.
 *
 * The statement is not prepared by name: the session is another one each time.
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
        duration: LOOK_MILLIS,
        orElse: () => Effect.succeed(failed(`The database gave no answer within ${LOOK_MILLIS / MILLIS_PER_SECOND} s.`))
      }),
      Effect.catch((error) =>
        Effect.succeed(
          isSqlError(error)
            ? failed(reasonOf(error), error.reason._tag === "AuthorizationError")
            : failed("The database's answer has another form than asked for.")
        )
      )
    )
