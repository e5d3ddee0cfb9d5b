/** Runs a check in a read-only transaction with a statement timeout. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { DatabaseEndpoint, Session } from "../../session/Session.ts"
import { SessionError } from "../../errors/SessionError.ts"
import { SessionConfig } from "../../config/SessionConfig.ts"
import { SessionOpener } from "../../session/SessionOpener.ts"
import * as Layer from "effect/Layer"
import type { CheckInput, Check, CheckOutput } from "./Check.ts"
import { type Inspection, INSPECTION_VERSION } from "./InspectionReport.ts"
import { factsStatement, ServerFacts } from "./ServerFacts.ts"
import { safeText } from "./SafeText.ts"
import { wordMillis } from "../../errors/Wording.ts"

/** A check failed: its id, the reason and what to do. */
export class InspectorError extends Schema.TaggedError<InspectorError>("effect-supavisor/InspectorError")(
  "InspectorError",
  {
    /** The check, `facts` for the first query of an inspection, or `observe`. */
    check: Schema.String,
    detail: Schema.String,
    remedy: Schema.String,
    /** Whether the query may still be running, so that the session cannot be used any more. */
    isPending: Schema.Boolean
  }
) {
  override get message(): string {
    return `The check ${this.check} failed: ${this.detail} ${this.remedy}`
  }

  /** The query did not end in time. */
  static readonly timedOut = (check: string, timeout: Duration.Duration): InspectorError =>
    new InspectorError({
      check,
      detail: `No answer within ${wordMillis(Duration.toMillis(timeout))}.`,
      remedy: "Raise --timeout, or check the connection: effect-supavisor doctor.",
      isPending: true
    })

  /** The error of a failed query. */
  static readonly fromFailure = (
    check: string,
    error: SqlError | Schema.SchemaError,
    timeout: Duration.Duration,
    secrets: ReadonlyArray<string>
  ): InspectorError => {
    const failed = (detail: string, remedy: string) => new InspectorError({ check, detail, remedy, isPending: false })
    if (!isSqlError(error)) {
      const detail = `The result does not match its schema: ${safeText(error.message, secrets)}.`
      return failed(detail, "Report this with the server's version.")
    }
    if (error.reason._tag === "StatementTimeoutError") {
      const detail = `The query exceeded its time limit of ${wordMillis(Duration.toMillis(timeout))}.`
      return failed(detail, "Raise --timeout, or try again when the server is less busy.")
    }
    if (error.reason._tag === "LockTimeoutError") {
      const remedy = "Find the lock's holder with effect-supavisor inspect locks, then try again."
      return failed("A table or index that it reads is locked exclusively.", remedy)
    }
    const session = SessionError.fromSqlError(error)
    const remedy = session?.remedy ?? "Try again; if it persists, report it with the server's version."
    return failed(safeText(session?.message ?? error.message, secrets), remedy)
  }
}

/** idle_in_transaction_session_timeout of an inspecting session: far longer than a round trip. */
const IDLE_TIMEOUT: Duration.Duration = Duration.seconds(60)

/** Opens sessions with an own application_name, so that they are not counted as the application's. */
export const ownSessions = (applicationName: string): Layer.Layer<SessionOpener, SessionError, SessionConfig> =>
  SessionOpener.layer.pipe(
    Layer.provide(
      Layer.effect(
        SessionConfig,
        Effect.map(SessionConfig, (config) => ({
          ...config,
          applicationName,
          // The application may have a shorter one.
          idleInTransactionTimeout: IDLE_TIMEOUT,
          // One session needs only one free connection. With max 1 the test of the session mode is skipped, which would
          // need a second one.
          pool: { ...config.pool, min: 0, max: 1 }
        }))
      )
    )
  )

/** Added to the server's timeout, in milliseconds, for its error to arrive. */
const GRACE_MILLIS = 1000

/** lock_timeout of a check, in milliseconds: later requests for the lock would queue behind the check. */
const LOCK_WAIT_MILLIS = 500

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

/** The JSON in a column of a statement's only row. */
export const queryJson = <A>(
  session: Session,
  sql: string,
  column: string,
  schema: Schema.Codec<A, unknown>
): Effect.Effect<A, SqlError | Schema.SchemaError> =>
  Effect.flatMap(session.query(sql, [], false), ({ rows }) =>
    Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(rows[0]?.[column])
  )

/**
 * Runs a query in a read-only transaction with a statement timeout and the search_path pg_catalog. When the query fails
 * or is interrupted, the transaction stays open: `Session.recover` ends it.
 */
const boundedReadOnly = <A>(
  session: Session,
  what: string,
  query: Effect.Effect<A, SqlError | Schema.SchemaError>,
  timeout: Duration.Duration,
  secrets: ReadonlyArray<string>
) => bounded(what, readOnly(session, Duration.toMillis(timeout), query), timeout, secrets)

/** Reads the facts of the server that the checks need. */
export const readFacts = (session: Session, timeout: Duration.Duration, secrets: ReadonlyArray<string>) =>
  boundedReadOnly(session, "facts", queryJson(session, factsStatement, "facts", ServerFacts), timeout, secrets)

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

const queryCheck = (
  session: Session,
  check: Check,
  input: CheckInput,
  timeout: Duration.Duration
): Effect.Effect<Partial<Inspection> & CheckOutput, InspectorError | SessionError> => {
  const query = check.query({ ...input, limit: input.limit + 1 })
  if ("unavailable" in query) {
    return Effect.succeed(withoutAnswer(check, "unavailable", query.unavailable, query.nextSteps))
  }
  const asJson = `select coalesce(json_agg(found), '[]'::json)::text as rows from (${query.sql}) as found`
  const output = Effect.flatMap(session.query(asJson, query.params ?? [], false), ({ rows }) =>
    check.read(rows[0]?.["rows"], input)
  )
  return boundedReadOnly(session, check.id, output, timeout, input.secrets)
}

/** Runs one check. A failed query is a result; the effect fails when the session cannot be used any more. */
export const runCheck = Effect.fnUntraced(function* (
  session: Session,
  check: Check,
  input: CheckInput,
  { host, port }: DatabaseEndpoint,
  timeout: Duration.Duration
): Effect.fn.Return<Inspection, InspectorError | SessionError> {
  const [took, reading] = yield* Effect.timed(
    queryCheck(session, check, input, timeout).pipe(
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
    server: { host, port, database: facts.database, role: facts.role, version: facts.version },
    tookMillis: Math.round(Duration.toMillis(took)),
    status: "answered",
    reason: null,
    empty: reading.status === undefined && reading.rows.length === 0 ? check.empty(input) : null,
    ...reading
  }
})
