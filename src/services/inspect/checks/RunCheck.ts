/** Runs a check in a read-only transaction with a statement timeout. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { DatabaseEndpoint, Session } from "../../session/Session.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { CheckInput, Check, CheckOutput } from "./Check.ts"
import { type Inspection, INSPECTION_VERSION } from "./InspectionReport.ts"
import { InspectorError } from "./InspectorError.ts"
import { factsStatement, ServerFacts } from "./ServerFacts.ts"

/** Added to the server's timeout, in milliseconds, for its error to arrive. */
const GRACE_MILLIS = 1000

/** lock_timeout of a check, in milliseconds: later requests for the lock would queue behind the check. */
const LOCK_WAIT_MILLIS = 500

/**
 * Runs an effect in a read-only transaction with a statement timeout and the search_path pg_catalog. When the effect
 * fails or is interrupted, the transaction stays open: `Session.recover` ends it.
 */
const readOnly = Effect.fnUntraced(function* <A, E>(
  session: Session,
  timeoutMillis: number,
  inside: Effect.Effect<A, E>
): Effect.fn.Return<A, E | SqlError> {
  yield* session.query("begin read only", [], false)
  yield* session.query(
    "select set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true), " +
      "set_config('search_path', 'pg_catalog', true)",
    [String(timeoutMillis), String(Math.min(LOCK_WAIT_MILLIS, timeoutMillis))],
    false
  )
  const found = yield* inside
  yield* session.query("commit", [], false)
  return found
})

const decodeFacts = Schema.decodeUnknownEffect(Schema.fromJsonString(ServerFacts))

/** Limits a query on the client too, and maps its failure. */
export const bounded = <A>(
  what: string,
  query: Effect.Effect<A, SqlError | Schema.SchemaError>,
  timeout: Duration.Duration,
  secrets: ReadonlyArray<string>,
  graceMillis = GRACE_MILLIS
): Effect.Effect<A, InspectorError | SessionError> =>
  query.pipe(
    Effect.mapError((error) => {
      const session = isSqlError(error) ? SessionError.fromSqlError(error) : undefined
      return session?.reason._tag === "SessionLost"
        ? session
        : InspectorError.fromFailure(what, error, timeout, secrets)
    }),
    Effect.timeoutOrElse({
      duration: Duration.toMillis(timeout) + graceMillis,
      orElse: () => Effect.fail(InspectorError.timedOut(what, timeout))
    })
  )

/** Reads the facts of the server that the checks need. */
export const readFacts = (
  session: Session,
  timeout: Duration.Duration,
  secrets: ReadonlyArray<string>
): Effect.Effect<ServerFacts, InspectorError | SessionError> =>
  bounded(
    "facts",
    readOnly(
      session,
      Duration.toMillis(timeout),
      Effect.flatMap(session.query(factsStatement, [], false), ({ rows }) => decodeFacts(rows[0]?.["facts"]))
    ),
    timeout,
    secrets
  )

const asJson = (sql: string): string =>
  `select coalesce(json_agg(found), '[]'::json)::text as rows from (${sql}) as found`

/** A check without rows: its rules are `unknown`. */
const withoutAnswer = (
  check: Check,
  status: "unavailable" | "failed",
  reason: string,
  nextSteps: ReadonlyArray<string>
): Partial<Inspection> & CheckOutput => ({
  status,
  reason,
  rows: [],
  isTruncated: false,
  unseen: [],
  nextSteps,
  rules: check.rules.map((rule) => ({ ...rule, outcome: "unknown" as const, detail: reason }))
})

/** Options that are the same for all checks of an inspection. */
export interface RunOptions {
  readonly timeout: Duration.Duration
  readonly place: DatabaseEndpoint
}

const queryCheck = (
  session: Session,
  check: Check,
  input: CheckInput,
  { timeout }: RunOptions
): Effect.Effect<Partial<Inspection> & CheckOutput, InspectorError | SessionError> => {
  const query = check.query({ ...input, limit: input.limit + 1 })
  if ("unavailable" in query) {
    return Effect.succeed(withoutAnswer(check, "unavailable", query.unavailable, query.nextSteps))
  }
  return bounded(
    check.id,
    readOnly(
      session,
      Duration.toMillis(timeout),
      Effect.flatMap(session.query(asJson(query.sql), query.params ?? [], false), ({ rows }) =>
        check.read(rows[0]?.["rows"], input)
      )
    ),
    timeout,
    input.secrets
  )
}

/**
 * Runs one check. A failed query gives a result with the status `failed`; the effect itself fails only when the session is
 * lost or cannot be used any more.
 */
export const runCheck = Effect.fnUntraced(function* (
  session: Session,
  check: Check,
  input: CheckInput,
  options: RunOptions
): Effect.fn.Return<Inspection, InspectorError | SessionError> {
  const [took, reading] = yield* Effect.timed(
    queryCheck(session, check, input, options).pipe(
      Effect.catchTag("InspectorError", (error) =>
        Effect.flatMap(error.isPending ? Effect.succeed(false) : session.recover, (isUsable) =>
          isUsable ? Effect.succeed(withoutAnswer(check, "failed", error.detail, [error.remedy])) : Effect.fail(error)
        )
      )
    )
  )
  const { facts } = input
  return {
    version: INSPECTION_VERSION,
    check: check.id,
    title: check.title,
    at: new Date(facts.at).toISOString(),
    server: {
      host: options.place.host,
      port: options.place.port,
      database: facts.database,
      role: facts.role,
      version: facts.version
    },
    tookMillis: Math.round(Duration.toMillis(took)),
    status: "answered",
    reason: null,
    empty: reading.status === undefined && reading.rows.length === 0 ? check.empty(input) : null,
    ...reading
  }
})
