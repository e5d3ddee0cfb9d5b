/**
 * Transactions over leased sessions: BEGIN, COMMIT and ROLLBACK can be interrupted and end in bounded time.
 *
 * Effect's own wrapper keeps the control statements uninterruptible and turns a failed ROLLBACK into a defect. Here a
 * lost session is a typed, retryable error (the server rolled back), a COMMIT without a reply is `OutcomeUnknown` and not
 * retryable, and a ROLLBACK never fails: the pool finishes what it cannot.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Reactivity } from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { nativeTracer, ParentSpan, type Span } from "effect/Tracer"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import type { SessionLease } from "../pool/SessionLease.ts"
import type { Session } from "../session/Session.ts"
import { SessionError } from "../errors/SessionError.ts"
import type { SessionPool } from "../pool/SessionPool.ts"
import { asResult } from "../session/ResultForm.ts"
import { toSqlError } from "../errors/SqlErrors.ts"
import {
  afterCommitOf,
  reactivityAfterCommit,
  levelOf,
  TransactionLevel,
  type TransactionService
} from "./TransactionLevel.ts"

/**
 * How long a caller waits for a rollback at least: enough for a responsive peer, and less than the 250 ms within which a
 * timeout returns on a silent one.
 */
const ROLLBACK_MILLIS = 200

/** On a slow network a round trip may take longer: three of those measured at login. */
const ROLLBACK_ROUND_TRIPS = 3

/**
 * The session phase of a login also takes long on a busy server. An interrupted caller may have a deadline, so it waits
 * for the network alone: at most three times the shorter of two measurements.
 */
const rollbackMillis = (session: Session, isInterrupted: boolean): number => {
  const { session: roundTrip, tcp } = session.info.timings
  return Math.max(ROLLBACK_MILLIS, ROLLBACK_ROUND_TRIPS * (isInterrupted ? Math.min(roundTrip, tcp) : roundTrip))
}

const control = (lease: SessionLease, sql: string): Effect.Effect<void, SqlError> =>
  Effect.asVoid(Effect.interruptible(lease.executeRaw(sql, [])))

const aborted = (): SqlError => toSqlError(SessionError.statementFailed({ errno: "TRANSACTION_ABORTED" }), "commit")

const BEGIN = "BEGIN"
const COMMIT = "COMMIT"

/**
 * Commits the outermost level. A session that was lost before COMMIT was written has rolled back; after that the outcome
 * is unknown.
 */
const commit = (endpoint: SessionPool["Service"]["endpoint"]) => (level: TransactionLevel) => {
  const [lease] = level.connection
  if (lease.cancelBegin()) return level.committed()
  const { session } = lease
  const started = performance.now()
  return Effect.matchEffect(Effect.interruptible(lease.runNow(asResult, COMMIT, [], true)), {
    onSuccess: (result) => (result.command === "ROLLBACK" ? Effect.fail(aborted()) : level.committed()),
    onFailure: (error) =>
      Effect.fail(
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
  })
}

/** How long callers have waited for rollbacks, and the session's last statement at that time. */
const rollbackWaits = new WeakMap<Session, { readonly waitedMillis: number; readonly statement: string | undefined }>()

/**
 * Runs an effect in the background and waits for it, bounded and interruptible; true when it succeeded in time. Levels of
 * a nested transaction that are rolled back one after another share the bound, or each would add its own to a timeout.
 */
const bounded = (
  session: Session,
  clock: Clock.Clock,
  work: Effect.Effect<boolean>,
  isInterrupted: boolean
): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const now = monotonicMillis(clock)
    const started = now()
    const inner = rollbackWaits.get(session)
    const waitedMillis = inner !== undefined && inner.statement === session.statement ? inner.waitedMillis : 0
    const limit = Math.max(0, rollbackMillis(session, isInterrupted) - waitedMillis)
    const fiber = yield* Effect.forkDetach(Effect.interruptible(work), { startImmediately: true })
    const waited = Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), limit).pipe(
      Effect.provideService(Clock.Clock, clock)
    )
    const exit = yield* isInterrupted ? waited : Effect.interruptible(waited)
    rollbackWaits.set(session, { waitedMillis: waitedMillis + now() - started, statement: session.statement })
    return exit._tag === "Some" && exit.value._tag === "Success" && exit.value.value
  })

/** The pool finishes what takes longer: it leases the session again only when it is clean. */
const rollback = (clock: Clock.Clock, lease: SessionLease, isInterrupted: boolean): Effect.Effect<void> =>
  Effect.suspend(() => {
    const session = lease.session
    if (session === undefined || session.lost !== undefined) return Effect.void
    return bounded(session, clock, session.recover, isInterrupted)
  })

/**
 * A savepoint that cannot be rolled back in time ends the session: the next statement of the transaction fails. An error
 * of the server is an answer: it has failed the transaction, or found none.
 */
const rollbackSavepoint =
  (endpoint: SessionPool["Service"]["endpoint"], clock: Clock.Clock) =>
  (lease: SessionLease, id: number, isInterrupted: boolean) =>
    Effect.suspend(() => {
      const session = lease.session
      if (session === undefined || session.lost !== undefined) return Effect.void
      const started = performance.now()
      const back = Effect.match(session.query(`ROLLBACK TO SAVEPOINT ${savepointName(id)}`, [], true), {
        onFailure: () => session.lost === undefined,
        onSuccess: () => true
      })
      return Effect.map(bounded(session, clock, back, isInterrupted), (done) => {
        if (done) return
        session.kill(
          SessionError.statementTimeout({
            host: endpoint.host,
            port: endpoint.port,
            phase: "rollback",
            elapsedMillis: performance.now() - started,
            limitMillis: rollbackMillis(session, isInterrupted)
          })
        )
      })
    })

const savepointName = (id: number): string => `effect_sql_${id}`

/** Releases a savepoint. Its other errors appear again at COMMIT, typed. */
const releaseSavepoint = (lease: SessionLease, id: number): Effect.Effect<void, SqlError> =>
  Effect.catch(control(lease, `RELEASE SAVEPOINT ${savepointName(id)}`), (error) =>
    lease.isEnded ? Effect.fail(error) : Effect.void
  )

/** The span of a traced transaction. */
interface TransactionSpan {
  readonly span: Span
  readonly clock: Clock.Clock
}

/** How a level ends. */
interface LevelEnd {
  readonly committed: (level: TransactionLevel) => Effect.Effect<void, SqlError>
  readonly rolledBack: (level: TransactionLevel, isInterrupted: boolean) => Effect.Effect<void>
}

/** Builds `withTransaction` and `afterCommit` over the sessions of a pool; nested calls become savepoints. */
export const makeTransactions = (
  pool: SessionPool["Service"],
  options: {
    /** The clock that bounds a rollback. */
    readonly clock: Clock.Clock
    readonly transactionService: TransactionService
    readonly spanAttributes: ReadonlyArray<readonly [string, unknown]>
  }
): Pick<SqlClient.SqlClient, "withTransaction" | "afterCommit"> => {
  const { clock, spanAttributes, transactionService } = options
  const afterCommit = afterCommitOf(transactionService)
  const rollbackToSavepoint = rollbackSavepoint(pool.endpoint, clock)

  const outermost: LevelEnd = {
    committed: commit(pool.endpoint),
    rolledBack: ({ connection: [lease] }, isInterrupted) => rollback(clock, lease, isInterrupted)
  }
  const savepoint: LevelEnd = {
    committed: (level) => {
      const [lease, id] = level.connection
      return Effect.andThen(releaseSavepoint(lease, id), () => level.committed())
    },
    rolledBack: ({ connection: [lease, id] }, isInterrupted) =>
      Effect.andThen(rollbackToSavepoint(lease, id, isInterrupted), Effect.ignore(releaseSavepoint(lease, id)))
  }

  const contextIn = <R>(level: TransactionLevel, span: TransactionSpan | undefined, outside: Context.Context<R>) => {
    let inside: Context.Context<R> = level.contextIn(outside, transactionService)
    const reactivity = Context.getOrUndefined(outside, Reactivity)
    if (reactivity !== undefined)
      inside = Context.add(inside, Reactivity, reactivityAfterCommit(reactivity, afterCommit))
    return span === undefined ? inside : Context.add(inside, ParentSpan, span.span)
  }

  /** Runs an effect in a level and ends the level; the end is uninterruptible except where it is marked. */
  const run = <A, E, R>(
    level: TransactionLevel,
    { committed, rolledBack }: LevelEnd,
    span: TransactionSpan | undefined,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | SqlError, R> =>
    Effect.onExitPrimitive(
      Effect.updateContext(effect, (outside: Context.Context<R>) => contextIn(level, span, outside)),
      (exit) => {
        const succeeded = exit._tag === "Success"
        if (span !== undefined)
          recordEnd(span, succeeded ? (level.parent === undefined ? "commit" : "savepoint") : "rollback")
        return succeeded ? committed(level) : rolledBack(level, Cause.hasInterrupts(exit.cause))
      }
    )

  const begin = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    span: TransactionSpan | undefined,
    statement: string
  ): Effect.Effect<A, E | SqlError, R> => {
    let level: TransactionLevel | undefined
    return pool.transact(
      (lease) => {
        level = new TransactionLevel(lease, undefined)
        lease.begin(statement)
        return run(level, outermost, span, effect)
      },
      // After the release, because these effects may need a session too.
      () => level?.end()
    )
  }

  const nest = <A, E, R>(
    outer: TransactionLevel,
    effect: Effect.Effect<A, E, R>,
    span: TransactionSpan | undefined
  ): Effect.Effect<A, E | SqlError, R> =>
    Effect.uninterruptibleMask((restore) => {
      const [lease] = outer.connection
      const level = new TransactionLevel(lease, outer)
      const work = Effect.andThen(
        control(lease, `SAVEPOINT ${savepointName(level.connection[1])}`),
        run(level, savepoint, span, restore(effect))
      )
      return outer.inTurn(Effect.onExitPrimitive(work, () => level.end(), true))
    })

  const withTransaction = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError, R> =>
    Effect.withFiber<A, E | SqlError, R>((fiber) => {
      const outer = levelOf(Context.getOrUndefined(fiber.context, transactionService))
      const start = (span: TransactionSpan | undefined) =>
        outer === undefined
          ? begin(effect, span, fiber.getRef(SqlClient.BeginTransaction) ?? BEGIN)
          : nest(outer, effect, span)
      const { tracer } = fiber.cache
      if (tracer === undefined || tracer === nativeTracer) return start(undefined)
      return Effect.useSpan("sql.transaction", { kind: "internal" }, (span) => {
        for (const [name, value] of spanAttributes) span.attribute(name, value)
        return start({ span, clock: fiber.getRef(Clock.Clock) })
      })
    })

  return { withTransaction, afterCommit }
}

/** Records the end of a transaction in its span; the names are those of Effect's own wrapper. */
const recordEnd = ({ clock, span }: TransactionSpan, end: "commit" | "rollback" | "savepoint"): void =>
  span.event(`effect.sql.transaction.${end}`, clock.currentTimeNanosUnsafe())
