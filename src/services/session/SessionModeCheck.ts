/**
 * Whether what was logged in to keeps a session, looked into once, before the first session is given any setting.
 *
 * A pooler in transaction mode is easily taken for a server: it logs in, and while it is idle it gives the same backend
 * again and again. What it cannot do is keep a backend for a connection that rests between two transactions. So a
 * second connection asks which backend serves it while the first one rests: under a session it cannot be the first
 * one's. Where the key given at login carries the backend's own process id, PostgreSQL itself has answered (its docs,
 * "Message Formats", BackendKeyData), and nobody else is asked: PgBouncer and Supavisor make their keys up (PgBouncer
 * 1.18 source, client.c; Supavisor 2.9 source, protocol/server.ex).
 *
 * Cost, once per opener: one round trip, and behind a pooler one login with one round trip that leaves again, bounded.
 * The pool's first dial goes alone (pool/core/DialBackoff.ts), so with max above one there is room for it.
 *
 * It finds a pooler that lends next what rested last, as PgBouncer and Supavisor do, unless another client takes that
 * backend in between; and, by a second sign, one that gives the settings another backend than the question. It cannot
 * find a mode that is changed later, one behind a pooler that passes on PostgreSQL's key, and not surely one that hands
 * out its idle backends by turns (PgBouncer's server_round_robin). With max = 1 there is no room for a second
 * connection, only the second sign. A proof that could not be completed stops nobody. What is found is never wrong: the
 * first connection must answer once more before it is said, so its backend was not free to be lent.
 */
import * as Effect from "effect/Effect"
import type { SqlError } from "effect/sql/SqlError"
import type { PgConnection } from "@effect/sql-pg/PgConnection"
import type { FailureFacts } from "../errors/catalogue/Entry.ts"
import type { ConnectionType } from "../config/settings/Settings.ts"

/**
 * How long the second answer may take in all, in milliseconds: a login and a round trip on any usable network, and
 * little enough of the connect timeout (10 s by default) when a full pooler lets it wait.
 */
const SECOND_ANSWER_MILLIS = 2000

/** The first connection's own work must not run out of time for the sake of the second one. */
const SHARE_OF_REMAINING = 0.5

/** The backend that answers a statement. */
export interface Backend {
  readonly pid: number
  /** When its server started: process ids repeat among the servers behind one pooler. */
  readonly server: string
}

/** Asks which backend serves a connection now; one round trip that leaves nothing behind. */
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

/** What a first login brings to the proof. */
export interface FirstLogin<E> {
  readonly connection: PgConnection
  /** The process id in the key that was given at login. */
  readonly keyPid: number
  /** Logs in once more, asks which backend serves that connection, tells it, and leaves. */
  readonly queryAnother: (tell: (backend: Backend) => void) => Effect.Effect<unknown, unknown>
  /** Milliseconds left until the connect timeout. */
  readonly remainingMillis: number
  readonly failing: (failure: SqlError | FailureFacts) => E
}

/** The proof of one opener: made by the first login that gets that far, and not again once it has found nothing. */
export class SessionModeCheck {
  private readonly hasRoom: boolean
  private isDue: boolean

  constructor(config: { readonly connectionType: ConnectionType; readonly pool: { readonly max: number } }) {
    this.hasRoom = config.pool.max > 1
    this.isDue = config.connectionType === "supavisor_session" || config.connectionType === "direct"
  }

  /**
   * Proves the mode if that is still to be done. Succeeds with the backend of the connection, or undefined when it was
   * not asked; fails with TRANSACTION_MODE, or as the connection does.
   */
  readonly check = <E>(candidate: FirstLogin<E>): Effect.Effect<Backend | undefined, E> =>
    Effect.suspend(() => {
      if (!this.isDue) return Effect.undefined
      this.isDue = false
      return Effect.onError(this.compare(candidate), () => Effect.sync(this.repeat))
    })

  /** The second sign, free of charge: the backend that took the settings must be the one that was asked before. */
  readonly contradiction = (asked: Backend | undefined, pid: number): FailureFacts | undefined => {
    if (asked === undefined || asked.pid === pid) return undefined
    this.repeat()
    return noSession(`backends ${asked.pid} and ${pid} answered one after the other on one connection`)
  }

  private readonly repeat = (): void => {
    this.isDue = true
  }

  private readonly compare = Effect.fnUntraced(function* <E>(
    this: SessionModeCheck,
    { queryAnother: another, connection, failing, keyPid, remainingMillis }: FirstLogin<E>
  ): Effect.fn.Return<Backend, E> {
    const first = yield* Effect.mapError(queryBackend(connection), failing)
    if (first.pid === keyPid || !this.hasRoom) return first
    let second: Backend | undefined
    yield* another((backend) => {
      second = backend
    }).pipe(Effect.timeoutOption(Math.min(SECOND_ANSWER_MILLIS, remainingMillis * SHARE_OF_REMAINING)), Effect.ignore)
    if (second === undefined || !sameBackend(first, second)) return first
    yield* Effect.mapError(queryBackend(connection), failing)
    return yield* Effect.fail(failing(noSession(`backend ${first.pid} answered on two connections at once`)))
  })
}
