/**
 * The session pool: exclusive sessions in first-come, first-served order, every wait with a deadline.
 *
 * `core/PoolCore.ts` decides; `PoolRuntime.ts` runs the effects that it requests.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Borrower } from "effect/sql/SqlConnection"
import type { SqlError } from "effect/sql/SqlError"
import * as Stream from "effect/Stream"
import type { Row } from "@effect/sql-pg/PgConnection"
import { SessionConfig } from "../config/SessionConfig.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { SessionOpener } from "../session/SessionOpener.ts"
import type { DatabaseEndpoint } from "../session/Session.ts"
import { machineClockLayer } from "../wire/MonotonicClock.ts"
import type { PoolEvent } from "./Events.ts"
import { type SessionEntry, type WaiterEntry, sessionEntry, waiterEntries } from "./SessionList.ts"
import * as Acquire from "./Acquire.ts"
import type { UseForTransaction } from "./Acquire.ts"
import type { LeasedSession, SessionLease } from "./SessionLease.ts"
import { type RunStatement, runStatement, StatementPipeline } from "./StatementPipeline.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import type { PoolSnapshot } from "./core/Snapshot.ts"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import { drainPool } from "./PoolDrain.ts"
import { PoolRuntime } from "./PoolRuntime.ts"

/**
 * Whether the layer is built without waiting for the first session, for a program that answers health probes meanwhile
 * and then waits for `ready` itself. Default false.
 */
export const StartInBackground = Context.Reference<boolean>("effect-supavisor/StartInBackground", {
  defaultValue: () => false
})

/** The service of a pool. Members marked as internal are for this library's own modules and in no declaration file. */
export interface SessionPoolShape {
  /** The configured name, else `host:port/database`. */
  readonly name: string
  readonly endpoint: DatabaseEndpoint
  /**
   * Uses a session for one effect. An idle one is acquired at once, without a timer, a fiber or a microtask.
   * Otherwise the caller waits in the queue, which is bounded (`QueueFull`), for at most the acquire timeout
   * (`AcquireTimeout`). Fails with `PoolClosed` once the pool drains.
   */
  readonly use: <A, E, R>(
    f: (session: LeasedSession) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | SessionError, R>
  /** Acquires a session until the scope closes. */
  readonly get: Effect.Effect<LeasedSession, SessionError, Scope.Scope>
  /**
   * Uses an idle session for one effect if there is one and no caller waits, else returns `None` at once. The session
   * is the one that has been silent for longest, and is not probed before, so `f` needs a timeout of its own. It does
   * not count as a use: the idle timeout goes on. @internal
   */
  readonly tryUse: <A, E, R>(
    f: (session: SessionLease) => Effect.Effect<A, E, R>
  ) => Effect.Effect<Option.Option<A>, E, R>
  /** As `use`, but fails with `SqlError`. @internal */
  readonly borrow: Borrower
  /**
   * Runs one independent statement, without a fiber between the pool and the wire: faster than `use`. With
   * `pool.pipeline` set, statements that were quick so far share sessions.
   */
  readonly execute: (sql: string, params?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, SqlError>
  /** As `execute`, with the holder for the list of sessions and a choice whether the session may be shared. @internal */
  readonly run: RunStatement
  /** As `use`, for one transaction; fails with `SqlError`. @internal */
  readonly transact: UseForTransaction
  /** As `get`, but fails with `SqlError`. @internal */
  readonly reserve: Effect.Effect<SessionLease, SqlError, Scope.Scope>
  readonly snapshot: Effect.Effect<PoolSnapshot>
  /** Every open session, with its holder and its statement. */
  readonly sessions: Effect.Effect<ReadonlyArray<SessionEntry>>
  /** The twenty callers that have waited for longest, oldest first; the snapshot counts all. */
  readonly waiters: Effect.Effect<ReadonlyArray<WaiterEntry>>
  /** Live histograms of waiting, use, dials, probes and outages. @internal */
  readonly times: Effect.Effect<PoolTimes>
  /** Events from now on, preceded by the last fifty. */
  readonly events: Stream.Stream<PoolEvent>
  /**
   * Waits for the first dial according to the `startup` setting: `tolerant` fails on configuration and authentication
   * errors only, `fail-fast` on any error, `lazy` does not wait. The layer has already waited, unless
   * `StartInBackground` is set.
   */
  readonly ready: Effect.Effect<void, SessionError>
  /**
   * Probes every session before its next use, idle ones now, and closes those that do not answer. Without an open
   * session, dials one as soon as the dial backoff allows.
   */
  readonly validateAll: Effect.Effect<void>
  /** Replaces every session, idle ones now, used ones on release: for example after a change of credentials. */
  readonly reset: Effect.Effect<void>
  /**
   * Rejects waiting and new callers, lets leases finish, then cancels statements, then sends Terminate, bounded by the
   * shutdown timeout. Closing the scope does the same; call it earlier to report its progress.
   */
  readonly drain: Effect.Effect<void>
}

/** A pool of sessions with a Postgres server or pooler. */
export class SessionPool extends Context.Service<SessionPool, SessionPoolShape>()("effect-supavisor/SessionPool") {
  /** A pool over any `SessionOpener`, such as scripted sessions in tests. */
  static readonly layerNoDeps: Layer.Layer<SessionPool, SessionError, SessionConfig | SessionOpener> = Layer.effect(
    SessionPool,
    Effect.suspend(() => makePool)
  )

  /** A pool with the configured server, on the machine's clock (docs/decisions/real-timers.md). */
  static readonly layer: Layer.Layer<SessionPool, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide([SessionOpener.layer, machineClockLayer])
  )
}

/** Events that a new subscriber receives first. */
const REPLAYED_EVENTS = 50

/** How far a slow subscriber may fall behind before it loses the oldest events. */
const BUFFERED_EVENTS = 256

/** Builds the pool in the current scope, which drains it when it closes. */
const makePool = Effect.gen(function* () {
  const config = yield* SessionConfig
  const opener = yield* SessionOpener
  const pubsub = yield* PubSub.sliding<PoolEvent>({ capacity: BUFFERED_EVENTS, replay: REPLAYED_EVENTS })
  const random = yield* Random.Random
  const runtime = new PoolRuntime({
    config,
    opener,
    context: yield* Effect.context<never>(),
    clock: yield* Clock.Clock,
    random: () => random.nextDoubleUnsafe(),
    pubsub
  })
  const pipeline = new StatementPipeline(runtime, config.pool.pipeline)
  runtime.waitingForShared = () => pipeline.waiting
  const drain = yield* drainPool(runtime)
  yield* Effect.addFinalizer(() => Effect.andThen(drain, PubSub.shutdown(pubsub)))
  runtime.start()
  const ready = firstSession(runtime)
  if (!(yield* StartInBackground)) yield* ready
  const run = runStatement(pipeline)
  const service: SessionPool["Service"] = {
    name: runtime.name,
    endpoint: opener.endpoint,
    use: Acquire.useSession(runtime, (error) => error),
    get: Acquire.reserve(runtime, (error) => error),
    tryUse: Acquire.tryUseSession(runtime),
    borrow: Acquire.makeBorrower(runtime),
    run,
    execute: (sql, params = []) => Effect.withFiber((fiber) => run(fiber, sql, params)),
    transact: Acquire.useForTransaction(runtime),
    reserve: Acquire.reserve(runtime, Acquire.acquireSqlError),
    snapshot: Effect.sync(() => runtime.snapshot()),
    sessions: Effect.sync(() => Array.from(runtime.core.slots, (slot) => sessionEntry(slot, runtime.now()))),
    waiters: Effect.sync(() => waiterEntries(runtime.core.waiters.first, runtime.now())),
    times: Effect.succeed(runtime.times),
    events: Stream.fromPubSub(pubsub),
    ready,
    validateAll: Effect.sync(() => {
      runtime.core.validateAll(runtime.now())
      // No other event would retry a dial that the backoff delays.
      runtime.timer.arm(runtime.now())
    }),
    reset: Effect.sync(() => {
      for (const slot of Array.from(runtime.core.slots)) runtime.core.evict(slot)
    }),
    drain
  }
  return service
})

const firstSession = (runtime: PoolRuntime): Effect.Effect<void, SessionError> => {
  const { startup } = runtime.config
  if (startup === "lazy") return Effect.void
  return Effect.catch(Deferred.await(runtime.firstDial), (error) => {
    return startup === "fail-fast" || error.isPermanent ? Effect.fail(error) : Effect.void
  })
}
