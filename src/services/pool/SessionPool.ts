/**
 * The session pool: lends sessions exclusively, in the order they were asked for, each wait with a deadline.
 *
 * The state machine (`pool/PoolCore.ts`) decides; this service gives it hands: fibers that dial, probe, recover and
 * close, one timer for all deadlines, and a drain at the end of its scope.
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
import {
  type UseForTransaction,
  makeBorrower,
  useSession,
  useForTransaction,
  acquireSqlError,
  reserve,
  tryUseSession
} from "./Acquire.ts"
import type { LeasedSession } from "./LeasedSession.ts"
import { type RunStatement, runStatement, StatementPipeline } from "./StatementPipeline.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import type { PoolSnapshot } from "./core/Snapshot.ts"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import type { Settings } from "../config/settings/Settings.ts"
import { drainPool } from "./PoolDrain.ts"
import { PoolRuntime } from "./PoolRuntime.ts"

/**
 * Whether the layer is built without waiting for the first session, for a program that wants to answer probes
 * meanwhile and then waits for `ready` itself. Default false.
 */
export const StartInBackground = Context.Reference<boolean>("effect-supavisor/StartInBackground", {
  defaultValue: () => false
})

/** Events kept for those who come later, and the most that a slow reader may fall behind. */
const REPLAYED_EVENTS = 50

const BUFFERED_EVENTS = 256

/** Builds the pool in the current scope; its end drains it. */
const makePool = Effect.fnUntraced(function* (config: Settings, opener: SessionOpener["Service"]) {
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
    use: useSession(runtime, (error) => error),
    get: reserve(runtime, (error) => error),
    tryUse: tryUseSession(runtime),
    borrow: makeBorrower(runtime),
    run,
    execute: (sql, params = []) => Effect.withFiber((fiber) => run(fiber, sql, params)),
    transact: useForTransaction(runtime),
    reserve: reserve(runtime, acquireSqlError),
    snapshot: Effect.sync(() => runtime.snapshot()),
    sessions: Effect.sync(() => Array.from(runtime.core.slots, (slot) => sessionEntry(slot, runtime.now()))),
    waiters: Effect.sync(() => waiterEntries(runtime.core.waiters.first, runtime.now())),
    times: Effect.succeed(runtime.times),
    events: Stream.fromPubSub(pubsub),
    ready,
    validateAll: Effect.sync(() => {
      runtime.core.validateAll(runtime.now())
      // A dial that has to wait for the gate is nobody else's wish.
      runtime.arm(runtime.now())
    }),
    reset: Effect.sync(() => {
      for (const slot of Array.from(runtime.core.slots)) runtime.core.evict(slot)
    }),
    drain
  }
  return service
})

/** Waits for what the first dial brings, as far as the start-up setting asks. */
const firstSession = (runtime: PoolRuntime): Effect.Effect<void, SessionError> => {
  const { startup } = runtime.config
  if (startup === "lazy") return Effect.void
  return Effect.catch(Deferred.await(runtime.firstDial), (error) => {
    return startup === "fail-fast" || error.isPermanent ? Effect.fail(error) : Effect.void
  })
}

/** Lends sessions. */
export class SessionPool extends Context.Service<
  SessionPool,
  {
    /** `host:port/database`, unless the configuration names it. */
    readonly name: string
    readonly endpoint: DatabaseEndpoint
    /**
     * Lends a session for one effect. An idle one is lent at once, without a timer, a fiber or a further microtask;
     * otherwise the caller waits its turn, at most the acquire timeout (`AcquireTimeout`), in a queue with a cap
     * (`QueueFull`). While the pool drains it fails with `PoolClosed`.
     */
    readonly use: <A, E, R>(
      f: (session: LeasedSession) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | SessionError, R>
    /** Lends a session until the scope closes. */
    readonly get: Effect.Effect<LeasedSession, SessionError, Scope.Scope>
    /**
     * Lends an idle session for one effect if there is one and nobody waits, else returns `None` at once: it never
     * queues. The session is the one that has been silent for longest, unasked, so `f` must be bounded.
     * It counts as no use: an idle session stays on its way to the idle timeout.
     */
    readonly tryUse: <A, E, R>(
      f: (session: LeasedSession) => Effect.Effect<A, E, R>
    ) => Effect.Effect<Option.Option<A>, E, R>
    /** As `use`, failing in the words of Effect SQL. */
    readonly borrow: Borrower
    /**
     * Runs one statement that stands alone, with no fiber between the pool and the wire: quicker than `use`. Where the
     * settings have statements share sessions (`pool.pipeline`), those that are known to be quick do.
     */
    readonly execute: (sql: string, params?: ReadonlyArray<unknown>) => Effect.Effect<ReadonlyArray<Row>, SqlError>
    /** As `execute`, for a holder that is named in the ledger, and with a say in whether the session is shared. */
    readonly run: RunStatement
    /** As `use`, for one transaction, failing in the words of Effect SQL. */
    readonly transact: UseForTransaction
    /** As `get`, failing in the words of Effect SQL. */
    readonly reserve: Effect.Effect<LeasedSession, SqlError, Scope.Scope>
    readonly snapshot: Effect.Effect<PoolSnapshot>
    /** Every session that stands, who holds it and what it runs. */
    readonly sessions: Effect.Effect<ReadonlyArray<SessionEntry>>
    /** Who waits for a session, the oldest twenty first; the snapshot has their number. */
    readonly waiters: Effect.Effect<ReadonlyArray<WaiterEntry>>
    /** How long things took so far: histograms that go on counting while they are read. */
    readonly times: Effect.Effect<PoolTimes>
    /** What happens from now on, after the last fifty events. */
    readonly events: Stream.Stream<PoolEvent>
    /**
     * Waits for the first session as far as the start-up setting asks: under `tolerant` it fails for reasons of
     * configuration or authentication only, under `fail-fast` for any, under `lazy` it does not wait. The layer has
     * waited already, unless it was told to start in the background.
     */
    readonly ready: Effect.Effect<void, SessionError>
    /**
     * Has every session asked for a sign of life before it is lent again, the idle ones now, and closes those that give
     * none. Where no session stands one is opened, as soon as the pauses between dials allow.
     */
    readonly validateAll: Effect.Effect<void>
    /** Replaces every session: idle ones now, used ones when they come back. After a change of credentials, say. */
    readonly reset: Effect.Effect<void>
    /**
     * Refuses who waits and who comes, lets leases finish, then cancels, then says Terminate; bounded by the shutdown
     * timeout. The scope's end does the same; doing it earlier is for programs that want to report meanwhile.
     */
    readonly drain: Effect.Effect<void>
  }
>()("effect-supavisor/SessionPool") {
  /** A pool over any opener of sessions: scripted ones in tests. */
  static readonly layerNoDeps: Layer.Layer<SessionPool, SessionError, SessionConfig | SessionOpener> = Layer.effect(
    SessionPool,
    Effect.gen(function* () {
      return yield* makePool(yield* SessionConfig, yield* SessionOpener)
    })
  )

  /** A pool of sessions with the configured server, on the machine's clock (docs/decisions/real-timers.md). */
  static readonly layer: Layer.Layer<SessionPool, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide([SessionOpener.layer, machineClockLayer])
  )
}
