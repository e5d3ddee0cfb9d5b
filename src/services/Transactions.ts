/**
 * Transactions over leased sessions: BEGIN, COMMIT and ROLLBACK that can be interrupted, end in bounded time, and say
 * what became of the work.
 *
 * Effect's own wrapper keeps the control statements uninterruptible and turns a failed ROLLBACK into a defect. Here a
 * lost session is a typed, retryable error (the server rolled back), a reply to COMMIT that never came is
 * `OutcomeUnknown` and not retryable, and a ROLLBACK never fails: what it cannot finish, the pool does.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as SqlClient from "effect/sql/SqlClient"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { monotonicMillis } from "./MonotonicClock.ts"
import type { LeasedSession } from "./pool/LeasedSession.ts"
import type { Session } from "./Session.ts"
import { SessionError } from "./SessionError.ts"
import type { SessionPool } from "./SessionPool.ts"
import { toSqlError } from "./SqlErrors.ts"

/**
 * The least time a caller is held by an unfinished rollback: enough for a peer that is well, and less than the 250 ms
 * that a timeout may take to return on one that is silent.
 */
const ROLLBACK_MILLIS = 200

/** On a slow network a round trip alone may take longer: three of those measured at login. */
const ROLLBACK_ROUND_TRIPS = 3

const rollbackMillis = (session: Session): number =>
  Math.max(ROLLBACK_MILLIS, ROLLBACK_ROUND_TRIPS * session.info.timings.session)

const control = (lease: LeasedSession, sql: string): Effect.Effect<void, SqlError> =>
  Effect.asVoid(Effect.interruptible(lease.executeRaw(sql, [])))

/** BEGIN travels with the first statement of the transaction; one without any is never begun. */
const begin = (lease: LeasedSession, statement: string | undefined): Effect.Effect<void> =>
  Effect.sync(() => lease.begin(statement ?? "BEGIN"))

const aborted = (): SqlError =>
  new SqlError({
    reason: new UnknownError({
      cause: new Error("COMMIT was answered with ROLLBACK: a statement of this transaction had failed"),
      message: "The transaction was rolled back at COMMIT, because a statement in it had failed before",
      operation: "commit"
    })
  })

const COMMIT = "COMMIT"

/** A session that was lost before COMMIT was written has rolled back; one lost after it may have done either. */
const commit =
  (endpoint: SessionPool["Service"]["endpoint"]) =>
  (lease: LeasedSession): Effect.Effect<void, SqlError> =>
    Effect.suspend(() => {
      if (lease.endUnopened()) return Effect.void
      const session = lease.session
      const started = performance.now()
      return Effect.interruptible(lease.executeRaw(COMMIT, [])).pipe(
        Effect.flatMap((result) => (result.command === "ROLLBACK" ? Effect.fail(aborted()) : Effect.void)),
        Effect.mapError((error) =>
          session?.lost === undefined || session.statement !== COMMIT
            ? error
            : toSqlError(
                SessionError.outcomeUnknown({
                  host: endpoint.host,
                  port: endpoint.port,
                  elapsedMillis: performance.now() - started,
                  failure: session.lost
                }),
                "commit"
              )
        )
      )
    })

/** Callers held by rollbacks so far, and the statement that was the last one then. */
const unwinding = new WeakMap<Session, { readonly heldMillis: number; readonly statement: string | undefined }>()

/**
 * Runs beside the caller, who is held for a bounded time only; true when it succeeded within it. The levels of nested
 * transactions that are rolled back one after another share the bound, or each would add its own to a timeout.
 */
const bounded = (session: Session, work: Effect.Effect<boolean>): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const now = monotonicMillis(yield* Clock.Clock)
    const started = now()
    const inner = unwinding.get(session)
    const heldMillis = inner !== undefined && inner.statement === session.statement ? inner.heldMillis : 0
    const limit = Math.max(0, rollbackMillis(session) - heldMillis)
    const fiber = yield* Effect.forkDetach(Effect.interruptible(work), { startImmediately: true })
    const exit = yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), limit)
    unwinding.set(session, { heldMillis: heldMillis + now() - started, statement: session.statement })
    return exit._tag === "Some" && exit.value._tag === "Success" && exit.value.value
  })

/** The pool finishes what takes longer: it lends the session again only when it is clean. */
const rollback = (lease: LeasedSession): Effect.Effect<void> =>
  Effect.suspend(() => {
    const session = lease.session
    return session === undefined || session.lost !== undefined ? Effect.void : bounded(session, session.recover)
  })

/** A savepoint that cannot be rolled back in time takes the whole transaction with it: its next statement says so. */
const rollbackSavepoint = (endpoint: SessionPool["Service"]["endpoint"]) => (lease: LeasedSession, id: number) =>
  Effect.suspend(() => {
    const session = lease.session
    if (session === undefined || session.lost !== undefined) return Effect.void
    const started = performance.now()
    const back = Effect.match(session.query(`ROLLBACK TO SAVEPOINT ${savepointName(id)}`, [], true), {
      onFailure: () => false,
      onSuccess: () => true
    })
    return Effect.map(bounded(session, back), (done) => {
      if (done) return
      session.kill(
        SessionError.statementTimeout({
          host: endpoint.host,
          port: endpoint.port,
          phase: "rollback",
          elapsedMillis: performance.now() - started,
          limitMillis: rollbackMillis(session)
        })
      )
    })
  })

const savepointName = (id: number): string => `effect_sql_${id}`

/** Builds `withTransaction` over the sessions of a pool; nested calls become savepoints. */
export const makeWithTransaction = (
  pool: SessionPool["Service"],
  options: {
    readonly transactionService: Context.Service<
      SqlClient.TransactionConnection,
      SqlClient.TransactionConnection.Service
    >
    readonly spanAttributes: ReadonlyArray<readonly [string, unknown]>
  }
): SqlClient.SqlClient["withTransaction"] =>
  SqlClient.makeWithTransaction<SqlClient.TransactionConnection, LeasedSession>({
    // The service's connection is the lease itself.
    transactionService: options.transactionService as unknown as Context.Key<
      SqlClient.TransactionConnection,
      readonly [LeasedSession, number]
    >,
    spanAttributes: options.spanAttributes,
    acquireConnection: (restore) => restore(pool.reserve),
    begin,
    savepoint: (lease, id) => control(lease, `SAVEPOINT ${savepointName(id)}`),
    // A failure here shows again at COMMIT, typed; as a failure of RELEASE it would become a defect.
    releaseSavepoint: (lease, id) => Effect.ignore(control(lease, `RELEASE SAVEPOINT ${savepointName(id)}`)),
    commit: commit(pool.endpoint),
    rollback,
    rollbackSavepoint: rollbackSavepoint(pool.endpoint)
  })
