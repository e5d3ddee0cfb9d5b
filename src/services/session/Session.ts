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

/** What a session says of itself. */
export interface SessionInfo {
  /** Counts the sessions this process opened, from 1. */
  readonly id: number
  /** `pg_backend_pid()`: the key a pooler hands out at login is made up. */
  readonly backendPid: number
  /** The server's `max_connections`. */
  readonly maxConnections: number
  readonly serverVersion: string
  /** The address that was connected to. */
  readonly address: string
  readonly encrypted: boolean
  /** Milliseconds each phase of the dial took. */
  readonly timings: PhaseTimings
  /** Monotonic milliseconds when the session was proved. */
  readonly openedAt: number
}

/** A session with a server. */
export interface Session {
  readonly info: SessionInfo
  /** Why the session is gone; undefined while it lives. */
  readonly lost: SessionError | undefined
  /** Called once, when the session is lost without having been closed by us. */
  onLost: ((error: SessionError) => void) | undefined
  /** Where statements are timed; set by the pool. */
  times?: PoolTimes | undefined
  /** The text of the statement that runs, or ran last; placeholders only, never values. */
  readonly statement: string | undefined
  /** What its last failed statement failed with; undefined when none has failed, or when nobody keeps it. */
  readonly lastError?: SqlError | undefined
  /** Monotonic milliseconds since when statements are in flight; 0 while none is. */
  readonly busySince: number
  /** Monotonic milliseconds when the server was last heard of; the pooler's heartbeat counts. */
  readonly lastReceivedAt: () => number
  /** Alive, no statement in flight, no transaction open, nothing left behind: may be lent as it is. */
  readonly isClean: () => boolean
  /**
   * Writes a statement now, on a session that is clean, and tells its end to who asked; perhaps before this returns,
   * and then there is nothing to return. For the pool's own path: `query` is the same as an effect. A gathered statement
   * travels with the others of this turn of the event loop.
   */
  readonly start: (query: Query, now: number, handler: ResultHandler, batched?: boolean) => QueryHandle | undefined
  /** Nobody waits for the statement any more: it is cancelled, and the session settles. */
  readonly cancelQuery: (asked: QueryHandle) => void
  /** Has a statement travel ahead of the next one; when it fails, so does that one, without being run. */
  readonly prepend: (sql: string) => void
  /** Takes back a deferred statement; false when there is none, or it has left. */
  readonly removePrepended: () => boolean
  /** As `query`, of which only the rows are wanted. */
  readonly rows: (
    sql: string,
    params: ReadonlyArray<unknown>,
    prepare: boolean
  ) => Effect.Effect<ReadonlyArray<Row>, SqlError>
  readonly query: (sql: string, params: ReadonlyArray<unknown>, prepare: boolean) => Effect.Effect<Result, SqlError>
  readonly queryValues: (
    sql: string,
    params: ReadonlyArray<unknown>,
    prepare: boolean
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, SqlError>
  readonly stream: (sql: string, params: ReadonlyArray<unknown>) => Stream.Stream<Row, SqlError>
  readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope>
  /** One round trip, bounded: whether the peer answers. */
  readonly probe: Effect.Effect<boolean>
  /** Ends what was left unfinished and clears what was left behind, bounded; false when it has to be closed instead. */
  readonly recover: Effect.Effect<boolean>
  /** Asks the server to cancel what runs and waits, bounded, until it has stopped. */
  readonly cancel: Effect.Effect<void>
  /** Ends the session for the reason given: statements in flight fail with it at once. */
  readonly kill: (reason: SessionError) => void
  /** Says goodbye with a lone Terminate and waits, bounded, until the socket is closed. */
  readonly close: Effect.Effect<void>
}

/** A place to log in at, and as whom. */
export interface DatabaseEndpoint {
  readonly host: string
  readonly port: number
  readonly database: string
  /** As sent on the wire. */
  readonly username: string
}
