/** The result of the monitor's statement: PostgreSQL's connections, and sums of them. */
import * as Schema from "effect/Schema"

/** The owner of a connection by `application_name`: this application, the pooler (`Supavisor...`), or another one. */
const Owner = Schema.Literals(["ours", "pooler", "others"])

export type Owner = typeof Owner.Type

/** The state of a connection; `unknown` without the privilege to see it, or when the server does not track it. */
const BackendState = Schema.Literals(["active", "idle", "idle in transaction", "unknown"])

export type BackendState = typeof BackendState.Type

const BackendCount = Schema.Struct({
  owner: Owner,
  state: BackendState,
  count: Schema.Number,
  /** Those that wait for a lock of another transaction. */
  waitingOnLock: Schema.Number
})

const backendFields = {
  pid: Schema.Number,
  owner: Owner,
  state: BackendState,
  user: Schema.NullOr(Schema.String),
  database: Schema.NullOr(Schema.String),
  application: Schema.NullOr(Schema.String)
}

const Backend = Schema.Struct({ ...backendFields, millis: Schema.Number })

/** One connection; `millis` is the age of the connection, transaction or statement it is listed for. */
export type Backend = typeof Backend.Type

const Blocker = Schema.Struct(backendFields)

const BlockedBackend = Schema.Struct({
  ...backendFields,
  /** How long its statement has been running; it may have waited for a part of this time only. */
  millis: Schema.Number,
  blockers: Schema.Array(Blocker),
  /** Whether a prepared transaction, which has no connection, holds the lock. */
  byPrepared: Schema.Boolean
})

/** A connection that waits for a lock, with at most five that hold it or wait before it. */
export type BlockedBackend = typeof BlockedBackend.Type

/** Connections are those of the whole server, not only of this database. */
export const DatabaseView = Schema.Struct({
  maxConnections: Schema.Number,
  /** `superuser_reserved_connections` and, since PostgreSQL 16, `reserved_connections`. */
  reservedConnections: Schema.Number,
  counts: Schema.Array(BackendCount),
  oldest: Schema.NullOr(Backend),
  oldestOurs: Schema.NullOr(Backend),
  longestTransaction: Schema.NullOr(Backend),
  longestQuery: Schema.NullOr(Backend),
  /** Longest first, ten at most. */
  idleInTransaction: Schema.Array(Backend),
  /** Longest first, ten at most. */
  blocked: Schema.Array(BlockedBackend),
  /** Connections of other roles whose state the role may not see. */
  hidden: Schema.Number,
  canSeeBlocking: Schema.Boolean,
  role: Schema.String
})

export type DatabaseView = typeof DatabaseView.Type

interface Named {
  readonly user: string | null
  readonly database: string | null
  readonly application: string | null
}

export const mapNames = (view: DatabaseView, f: (name: string) => string): DatabaseView => {
  const some = (name: string | null): string | null => (name === null ? null : f(name))
  const named = <A extends Named>(row: A): A => ({
    ...row,
    user: some(row.user),
    database: some(row.database),
    application: some(row.application)
  })
  const maybe = <A extends Named>(row: A | null): A | null => (row === null ? null : named(row))
  return {
    ...view,
    oldest: maybe(view.oldest),
    oldestOurs: maybe(view.oldestOurs),
    longestTransaction: maybe(view.longestTransaction),
    longestQuery: maybe(view.longestQuery),
    idleInTransaction: view.idleInTransaction.map(named),
    blocked: view.blocked.map((row) => ({ ...named(row), blockers: row.blockers.map(named) }))
  }
}

/** The number of connections, of all or of an owner, in all states or one. */
export const countOf = (
  view: DatabaseView,
  filter: { readonly owner?: Owner; readonly state?: BackendState } = {}
): number =>
  view.counts
    .filter(({ owner }) => filter.owner === undefined || owner === filter.owner)
    .filter(({ state }) => filter.state === undefined || state === filter.state)
    .reduce((sum, { count }) => sum + count, 0)

export const waitingOnLock = (view: DatabaseView): number =>
  view.counts.reduce((sum, { waitingOnLock }) => sum + waitingOnLock, 0)

/** The connections of ordinary roles: `max_connections` without the reserved ones. */
export const usableConnections = (view: DatabaseView): number =>
  Math.max(0, view.maxConnections - view.reservedConnections)

/** What the role may not see; undefined when it sees everything. */
export const restrictionOf = ({ hidden, role, canSeeBlocking }: DatabaseView): string | undefined => {
  const missing = [
    ...(hidden > 0 ? [`the state and age of ${hidden} connections of other roles`] : []),
    ...(canSeeBlocking ? [] : ["which connections block others"])
  ]
  return missing.length === 0 ? undefined : `The role ${role} may not see ${missing.join(", nor ")}.`
}
