/** Asks a check on a session: in a read-only transaction that the server itself ends in time. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import type { DatabaseEndpoint, Session } from "../../session/Session.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { CheckInput, Check, CheckOutput } from "./Check.ts"
import { type Inspection, INSPECTION_VERSION } from "./Inspection.ts"
import { InspectorError } from "./InspectorError.ts"
import { factsStatement, ServerFacts } from "./ServerFacts.ts"

/** How much longer than the server we wait for the word that it gave up, in milliseconds: a round trip to anywhere. */
const GRACE_MILLIS = 1000

/** A check waits for no lock longer than that, in milliseconds: behind it would wait everybody who comes later. */
const LOCK_WAIT_MILLIS = 500

/**
 * Runs statements in a read-only transaction with a bound of its own, by the names of the catalogue alone.
 *
 * Interrupted or failed, it leaves the transaction behind: `Session.recover` ends it.
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

/** A question that ends in time, whatever the server does, and fails in words. */
const bounded = <A>(
  what: string,
  question: Effect.Effect<A, SqlError | Schema.SchemaError>,
  timeout: Duration.Duration,
  secrets: ReadonlyArray<string>
): Effect.Effect<A, InspectorError | SessionError> =>
  question.pipe(
    Effect.mapError((error) => {
      const session = isSqlError(error) ? SessionError.fromSqlError(error) : undefined
      return session?.reason._tag === "SessionLost"
        ? session
        : InspectorError.fromFailure(what, error, timeout, secrets)
    }),
    Effect.timeoutOrElse({
      duration: Duration.toMillis(timeout) + GRACE_MILLIS,
      orElse: () => Effect.fail(InspectorError.timedOut(what, timeout))
    })
  )

/** What the server is and what the role may see. */
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

/** One row more than input for says that there are more. */
const asJson = (sql: string): string =>
  `select coalesce(json_agg(found), '[]'::json)::text as rows from (${sql}) as found`

/** A check without an answer: its rules stay undecided. */
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

/** What does not change from one check to the next. */
export interface RunOptions {
  readonly timeout: Duration.Duration
  readonly place: DatabaseEndpoint
}

/** Asks one check. Fails as the statement does, or when the answer has another form than input for. */
const queryCheck = (
  session: Session,
  check: Check,
  input: CheckInput,
  { timeout }: RunOptions
): Effect.Effect<Partial<Inspection> & CheckOutput, InspectorError | SessionError> => {
  const question = check.query({ ...input, limit: input.limit + 1 })
  if ("unavailable" in question) {
    return Effect.succeed(withoutAnswer(check, "unavailable", question.unavailable, question.nextSteps))
  }
  return bounded(
    check.id,
    readOnly(
      session,
      Duration.toMillis(timeout),
      Effect.flatMap(session.query(asJson(question.sql), question.params ?? [], false), ({ rows }) =>
        check.read(rows[0]?.["rows"], input)
      )
    ),
    timeout,
    input.secrets
  )
}

/**
 * Asks one check. A failure of its own is part of what is found, and the session goes on; fails when the session is
 * lost, or cannot go on.
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
        Effect.flatMap(error.isPending ? Effect.succeed(false) : session.recover, (goesOn) =>
          goesOn ? Effect.succeed(withoutAnswer(check, "failed", error.detail, [error.remedy])) : Effect.fail(error)
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
