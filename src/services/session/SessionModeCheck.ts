/**
 * Checks once, before the first session applies any setting, that the server keeps a session.
 *
 * A pooler in transaction mode is easily mistaken for a server: it accepts the login, and while it is idle it assigns the
 * same backend again and again. What it cannot do is keep a backend for a connection that rests between two
 * transactions. So while the first connection rests, a second one queries which backend serves it: in session mode that
 * cannot be the first one's. Where the key sent at login carries the backend's own process id, the peer is PostgreSQL
 * itself (its docs, "Message Formats", BackendKeyData), and no second connection is opened: PgBouncer and Supavisor make
 * their keys up (PgBouncer 1.18 source, client.c; Supavisor 2.9 source, protocol/server.ex).
 *
 * Cost, once per opener: one round trip, and behind a pooler one more login with one round trip, bounded. The pool's
 * first dial goes alone (pool/core/DialBackoff.ts), so with max above one there is room for it.
 *
 * It finds a pooler that assigns the backend used last, as PgBouncer and Supavisor do, unless another client takes that
 * backend in between; and, by a second test, one that runs the settings statement on another backend than the first
 * query. It does not find a mode that is changed later, or one behind a pooler that passes on PostgreSQL's key, and not
 * reliably a pooler that assigns idle backends in turn (PgBouncer's server_round_robin). With max = 1 there is no room
 * for a second connection, only for the second test. A check that could not be completed does not fail the login. There
 * are no false positives: the first connection must answer once more before the error is raised, so its backend was not
 * free to be assigned.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import type { FailureFacts } from "../errors/catalogue/Entry.ts"
import type { ConnectionType } from "../config/settings/Settings.ts"

/**
 * Time limit of the second login and its answer, in milliseconds: a login and a round trip on any usable network, and
 * short against the connect timeout (10 s by default) when a full pooler makes it wait.
 */
const SECOND_ANSWER_MILLIS = 2000

/** The second connection must leave time for the first one's own work. */
const SHARE_OF_REMAINING = 0.5

/** The backend that answers a statement. */
export interface Backend {
  readonly pid: number
  /** When its server started: process ids repeat among the servers behind one pooler. */
  readonly server: string
}

/** Queries which backend serves a connection now; one round trip that leaves no state behind. */
export const queryBackend = (connection: PgConnection): Effect.Effect<Backend, SqlError> =>
  Effect.map(
    connection.query(
      "select pg_backend_pid() as pid, extract(epoch from pg_postmaster_start_time())::text as server",
      [],
      false
    ),
    ({ rows }) => ({ pid: Number(rows[0]?.["pid"]), server: String(rows[0]?.["server"]) })
  )

export const sameBackend = (one: Backend, other: Backend): boolean =>
  one.pid === other.pid && one.server === other.server

const noSession = (nodeMessage: string): FailureFacts => ({ errno: "TRANSACTION_MODE", nodeMessage })

/** The login that is checked. */
export interface FirstLogin<E> {
  readonly connection: PgConnection
  /** The process id in the key that the server sent at login. */
  readonly keyPid: number
  /** Logs in once more, calls back with the backend that serves that connection, and closes it. */
  readonly queryAnother: (onBackend: (backend: Backend) => void) => Effect.Effect<unknown, unknown>
  /** Milliseconds left until the connect timeout. */
  readonly remainingMillis: number
  readonly failing: (failure: SqlError | FailureFacts) => E
}

/** The check of one opener: made by the first login that gets this far, and again only after it has failed. */
export class SessionModeCheck {
  private readonly hasRoom: boolean
  private isDue: boolean

  constructor(config: { readonly connectionType: ConnectionType; readonly pool: { readonly max: number } }) {
    this.hasRoom = config.pool.max > 1
    this.isDue = config.connectionType === "supavisor_session" || config.connectionType === "direct"
  }

  /**
   * Checks the mode if that is still due. Succeeds with the backend of the connection, or undefined when no check was
   * due; fails with TRANSACTION_MODE, or as the connection does.
   */
  readonly check = <E>(login: FirstLogin<E>): Effect.Effect<Backend | undefined, E> =>
    Effect.suspend(() => {
      if (!this.isDue) return Effect.undefined
      this.isDue = false
      return Effect.onError(this.compare(login), () => Effect.sync(this.repeat))
    })

  /** The second test, at no cost: the settings statement must run on the backend that answered the first query. */
  readonly contradiction = (first: Backend | undefined, pid: number): FailureFacts | undefined => {
    if (first === undefined || first.pid === pid) return undefined
    this.repeat()
    return noSession(`backends ${first.pid} and ${pid} answered one after the other on one connection`)
  }

  private readonly repeat = (): void => {
    this.isDue = true
  }

  private readonly compare = Effect.fnUntraced(function* <E>(
    this: SessionModeCheck,
    { connection, failing, keyPid, queryAnother, remainingMillis }: FirstLogin<E>
  ): Effect.fn.Return<Backend, E> {
    const first = yield* Effect.mapError(queryBackend(connection), failing)
    if (first.pid === keyPid || !this.hasRoom) return first
    let second: Backend | undefined
    yield* queryAnother((backend) => {
      second = backend
    }).pipe(Effect.timeoutOption(Math.min(SECOND_ANSWER_MILLIS, remainingMillis * SHARE_OF_REMAINING)), Effect.ignore)
    if (second === undefined || !sameBackend(first, second)) return first
    yield* Effect.mapError(queryBackend(connection), failing)
    return yield* Effect.fail(failing(noSession(`backend ${first.pid} answered on two connections at once`)))
  })
}
