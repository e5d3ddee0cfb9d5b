/** The contract of a session: what the pool uses of it. Tests implement it without a socket. */
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type * as Stream from "effect/Stream"
import type { Notification, Result, Row } from "@effect/sql-pg/PgConnection"
import type { Query, ResultHandler, QueryHandle } from "../wire/query/Query.ts"
import type { PoolTimes } from "../stats/PoolTimes.ts"
import type { SessionError } from "../errors/SessionError.ts"
import type { PhaseTimings } from "../wire/Transport.ts"

/** Facts about a session that do not change. */
export interface SessionInfo {
  /** Counts the sessions that this process opened, from 1. */
  readonly id: number
  /** `pg_backend_pid()`; the process id that a pooler sends at login is made up. */
  readonly backendPid: number
  /** The server's `max_connections`. */
  readonly maxConnections: number
  readonly serverVersion: string
  /** The address that was connected to. */
  readonly address: string
  readonly encrypted: boolean
  /** Milliseconds each phase of the dial took. */
  readonly timings: PhaseTimings
  /** Monotonic milliseconds when the session was opened. */
  readonly openedAt: number
}

/** Runs a statement, named on the server when `prepare` is true. */
type RunQuery<A> = (sql: string, params: ReadonlyArray<unknown>, prepare: boolean) => Effect.Effect<A, SqlError>

/** A session with a server. */
export interface Session {
  readonly info: SessionInfo
  /** Why the session is gone; undefined while it is open. */
  readonly lost: SessionError | undefined
  /** Called once, when the session is lost without having been closed by the pool. */
  onLost: ((error: SessionError) => void) | undefined
  /** Where statements are timed; set by the pool. */
  times?: PoolTimes | undefined
  /** The text of the statement that runs, or ran last; placeholders only, never values. */
  readonly statement: string | undefined
  /** The error of its last failed statement, where it is kept; undefined when none has failed. */
  readonly lastError?: SqlError | undefined
  /** Monotonic milliseconds since when statements are in flight; 0 while none is. */
  readonly busySince: number
  /** Monotonic milliseconds when the last bytes arrived, the pooler's heartbeat included. */
  readonly lastReceivedAt: () => number
  /** Open, no statement in flight, no transaction open, no state left behind: can be leased as it is. */
  readonly isClean: () => boolean
  /** Whether a transaction may be open: false once the server has reported that none is, with nothing in flight. */
  readonly isInTransaction: boolean
  /**
   * Writes a statement at once, on a clean session, and calls the handler when it has ended. The handler may be called
   * before this returns; then undefined is returned. For the pool's own path: `query` is the same as an effect. A batched
   * statement is written together with the others of this turn of the event loop.
   */
  readonly start: (query: Query, now: number, handler: ResultHandler, batched?: boolean) => QueryHandle | undefined
  /** Cancels a statement whose caller has left; the session is cleaned up in the background. */
  readonly cancelQuery: (handle: QueryHandle) => void
  /** Sends a statement ahead of the next one; when it fails, the next one fails too, without being run. */
  readonly prepend: (sql: string) => void
  /** Removes a prepended statement; false when there is none, or it was sent. */
  readonly removePrepended: () => boolean
  /** As `query`, for the rows alone. */
  readonly rows: RunQuery<ReadonlyArray<Row>>
  readonly query: RunQuery<Result>
  readonly queryValues: RunQuery<ReadonlyArray<ReadonlyArray<unknown>>>
  readonly stream: (sql: string, params: ReadonlyArray<unknown>) => Stream.Stream<Row, SqlError>
  readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope>
  /** One round trip, bounded: whether the peer answers. */
  readonly probe: Effect.Effect<boolean>
  /** Ends unfinished work and resets the session's state, bounded; false when the session must be closed instead. */
  readonly recover: Effect.Effect<boolean>
  /** Cancels what runs and waits, bounded, until it has stopped. */
  readonly cancel: Effect.Effect<void>
  /** Ends the session for the given reason: statements in flight fail with it at once. */
  readonly kill: (reason: SessionError) => void
  /** Sends Terminate and waits, bounded, until the socket is closed. */
  readonly close: Effect.Effect<void>
}

/** The server, database and role of a session. */
export interface DatabaseEndpoint {
  readonly host: string
  readonly port: number
  readonly database: string
  /** As sent on the wire. */
  readonly username: string
}
