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
import type * as Stream from "effect/Stream"
import type { Row } from "@effect/sql-pg/PgConnection"
import { SessionConfig } from "../config/SessionConfig.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { type Place, SessionOpener } from "../session/SessionOpener.ts"
import type { PoolEvent } from "./Events.ts"
import type { LedgerEntry, WaiterEntry } from "./Ledger.ts"
import type { LendToTransaction } from "./Acquire.ts"
import type { LeasedSession } from "./LeasedSession.ts"
import { makePool, StartInBackground } from "./PoolService.ts"
import type { RunStatement } from "./Statements.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import type { PoolSnapshot } from "./core/Snapshot.ts"

export { StartInBackground }

/** Lends sessions. */
export class SessionPool extends Context.Service<
  SessionPool,
  {
    /** `host:port/database`, unless the configuration names it. */
    readonly name: string
    readonly endpoint: Place
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
    readonly transact: LendToTransaction
    /** As `get`, failing in the words of Effect SQL. */
    readonly reserve: Effect.Effect<LeasedSession, SqlError, Scope.Scope>
    readonly snapshot: Effect.Effect<PoolSnapshot>
    /** Every session that stands, who holds it and what it runs. */
    readonly ledger: Effect.Effect<ReadonlyArray<LedgerEntry>>
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
    readonly suspect: Effect.Effect<void>
    /** Replaces every session: idle ones now, used ones when they come back. After a change of credentials, say. */
    readonly renew: Effect.Effect<void>
    /**
     * Refuses who waits and who comes, lets leases finish, then cancels, then says Terminate; bounded by the shutdown
     * timeout. The scope's end does the same; doing it earlier is for programs that want to report meanwhile.
     */
    readonly drain: Effect.Effect<void>
  }
>()("effect-supavisor/services/SessionPool") {
  /** A pool over any opener of sessions: scripted ones in tests. */
  static readonly layerNoDeps: Layer.Layer<SessionPool, SessionError, SessionConfig | SessionOpener> = Layer.effect(
    SessionPool,
    Effect.gen(function* () {
      return yield* makePool(yield* SessionConfig, yield* SessionOpener)
    })
  )

  /** A pool of sessions with the configured server. */
  static readonly layer: Layer.Layer<SessionPool, SessionError, SessionConfig> = this.layerNoDeps.pipe(
    Layer.provide(SessionOpener.layer)
  )
}
