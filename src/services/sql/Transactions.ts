/**
 * Transactions over leased sessions: BEGIN, COMMIT and ROLLBACK that can be interrupted, end in bounded time, and say
 * what became of the work.
 *
 * Effect's own wrapper keeps the control statements uninterruptible and turns a failed ROLLBACK into a defect. Here a
 * lost session is a typed, retryable error (the server rolled back), a reply to COMMIT that never came is
 * `OutcomeUnknown` and not retryable, and a ROLLBACK never fails: what it cannot finish, the pool does.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Reactivity } from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import { SqlError, UnknownError } from "effect/sql/SqlError"
import { nativeTracer, ParentSpan, type Span } from "effect/Tracer"
import { monotonicMillis } from "../wire/MonotonicClock.ts"
import type { LeasedSession } from "../pool/LeasedSession.ts"
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
 * The least time a caller is held by an unfinished rollback: enough for a peer that is well, and less than the 250 ms
 * that a timeout may take to return on one that is silent.
 */
const ROLLBACK_MILLIS = 200

/** On a slow network a round trip alone may take longer: three of those measured at login. */
const ROLLBACK_ROUND_TRIPS = 3

/**
 * A login takes long in a bad moment of the server, too. Whoever is interrupted may have a deadline: he is held for the
 * network alone, which shows in the lesser of two measurements.
 */
const rollbackMillis = (session: Session, isInterrupted: boolean): number => {
  const { session: asked, tcp } = session.info.timings
  return Math.max(ROLLBACK_MILLIS, ROLLBACK_ROUND_TRIPS * (isInterrupted ? Math.min(asked, tcp) : asked))
}

const control = (lease: LeasedSession, sql: string): Effect.Effect<void, SqlError> =>
  Effect.asVoid(Effect.interruptible(lease.executeRaw(sql, [])))

const aborted = (): SqlError =>
  new SqlError({
    reason: new UnknownError({
      cause: new Error("COMMIT was answered with ROLLBACK: a statement of this transaction had failed"),
      message: "The transaction was rolled back at COMMIT, because a statement in it had failed before",
      operation: "commit"
    })
  })

const BEGIN = "BEGIN"
const COMMIT = "COMMIT"

/**
 * Commits the outermost level. A session that was lost before COMMIT was written has rolled back; one lost after it may
 * have done either.
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

/** Callers held by rollbacks so far, and the statement that was the last one then. */
const unwinding = new WeakMap<Session, { readonly heldMillis: number; readonly statement: string | undefined }>()

/**
 * Runs beside the caller, who is held for a bounded time only, and not beyond an interruption; true when it succeeded
 * within it. The levels of nested transactions that are rolled back one after another share the bound, or each would
 * add its own to a timeout.
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
    const inner = unwinding.get(session)
    const heldMillis = inner !== undefined && inner.statement === session.statement ? inner.heldMillis : 0
    const limit = Math.max(0, rollbackMillis(session, isInterrupted) - heldMillis)
    const fiber = yield* Effect.forkDetach(Effect.interruptible(work), { startImmediately: true })
    const held = Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), limit).pipe(
      Effect.provideService(Clock.Clock, clock)
    )
    const exit = yield* isInterrupted ? held : Effect.interruptible(held)
    unwinding.set(session, { heldMillis: heldMillis + now() - started, statement: session.statement })
    return exit._tag === "Some" && exit.value._tag === "Success" && exit.value.value
  })

/** The pool finishes what takes longer: it lends the session again only when it is clean. */
const rollback = (clock: Clock.Clock, lease: LeasedSession, isInterrupted: boolean): Effect.Effect<void> =>
  Effect.suspend(() => {
    const session = lease.session
    if (session === undefined || session.lost !== undefined) return Effect.void
    return bounded(session, clock, session.recover, isInterrupted)
  })

/** A savepoint that cannot be rolled back in time takes the whole transaction with it: its next statement says so. */
const rollbackSavepoint =
  (endpoint: SessionPool["Service"]["endpoint"], clock: Clock.Clock) =>
  (lease: LeasedSession, id: number, isInterrupted: boolean) =>
    Effect.suspend(() => {
      const session = lease.session
      if (session === undefined || session.lost !== undefined) return Effect.void
      const started = performance.now()
      const back = Effect.match(session.query(`ROLLBACK TO SAVEPOINT ${savepointName(id)}`, [], true), {
        onFailure: () => false,
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

/** Savepoints are given up and kept without a word: what goes wrong with them shows again at COMMIT, typed. */
const releaseSavepoint = (lease: LeasedSession, id: number): Effect.Effect<void> =>
  Effect.ignore(control(lease, `RELEASE SAVEPOINT ${savepointName(id)}`))

/** The span of a transaction that somebody watches. */
interface Watched {
  readonly span: Span
  readonly clock: Clock.Clock
}

/** How a level ends; once it is committed, it is told. */
interface Ends {
  readonly committed: (level: TransactionLevel) => Effect.Effect<void, SqlError>
  readonly undone: (level: TransactionLevel, isInterrupted: boolean) => Effect.Effect<void>
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
  const undoSavepoint = rollbackSavepoint(pool.endpoint, clock)

  const outermost: Ends = {
    committed: commit(pool.endpoint),
    undone: ({ connection: [lease] }, isInterrupted) => rollback(clock, lease, isInterrupted)
  }
  const savepoint: Ends = {
    committed: (level) => {
      const [lease, id] = level.connection
      return Effect.andThen(releaseSavepoint(lease, id), () => level.committed())
    },
    undone: ({ connection: [lease, id] }, isInterrupted) =>
      Effect.andThen(undoSavepoint(lease, id, isInterrupted), releaseSavepoint(lease, id))
  }

  const contextIn = <R>(level: TransactionLevel, span: Watched | undefined, outside: Context.Context<R>) => {
    let inside: Context.Context<R> = level.contextIn(outside, transactionService)
    const reactivity = Context.getOrUndefined(outside, Reactivity)
    if (reactivity !== undefined)
      inside = Context.add(inside, Reactivity, reactivityAfterCommit(reactivity, afterCommit))
    return span === undefined ? inside : Context.add(inside, ParentSpan, span.span)
  }

  /** Runs what is in a level and ends the level, which cannot be interrupted but for what says so. */
  const run = <A, E, R>(
    level: TransactionLevel,
    { committed, undone }: Ends,
    span: Watched | undefined,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | SqlError, R> =>
    Effect.onExitPrimitive(
      Effect.updateContext(effect, (outside: Context.Context<R>) => contextIn(level, span, outside)),
      (exit) => {
        const succeeded = exit._tag === "Success"
        if (span !== undefined)
          tell(span, succeeded ? (level.parent === undefined ? "commit" : "savepoint") : "rollback")
        return succeeded ? committed(level) : undone(level, Cause.hasInterrupts(exit.cause))
      }
    )

  const begin = <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    span: Watched | undefined,
    statement: string
  ): Effect.Effect<A, E | SqlError, R> => {
    let level: TransactionLevel | undefined
    return pool.transact(
      (lease) => {
        level = new TransactionLevel(lease, undefined)
        lease.begin(statement)
        return run(level, outermost, span, effect)
      },
      // What was registered may want a session, too.
      () => level?.end()
    )
  }

  const nest = <A, E, R>(
    outer: TransactionLevel,
    effect: Effect.Effect<A, E, R>,
    span: Watched | undefined
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
      const start = (span: Watched | undefined) =>
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

/** Says in a span how the transaction ended; the names are those of Effect's own wrapper. */
const tell = ({ clock, span }: Watched, end: "commit" | "rollback" | "savepoint"): void =>
  span.event(`effect.sql.transaction.${end}`, clock.currentTimeNanosUnsafe())
