/** What one look at PostgreSQL's own list of connections brings: typed rows, and the sums that are made of them. */
import * as Schema from "effect/Schema"

/** Whose connection it is, by `application_name`: our own name, the pooler's (`Supavisor...`), or another one. */
const Owner = Schema.Literals(["ours", "pooler", "others"])

export type Owner = typeof Owner.Type

/** What a connection does; `unknown` where the role may not see it, or the server does not track it. */
const BackendState = Schema.Literals(["active", "idle", "idle in transaction", "unknown"])

export type BackendState = typeof BackendState.Type

const BackendCount = Schema.Struct({
  owner: Owner,
  state: BackendState,
  count: Schema.Number,
  /** How many of them wait for a lock that another transaction holds. */
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

/** One connection of the database; `millis` is the age of what it is listed for. Statements are never read. */
export type Backend = typeof Backend.Type

const Blocker = Schema.Struct(backendFields)

const BlockedBackend = Schema.Struct({
  ...backendFields,
  /** Since when its statement runs, of which it may have waited a part only. */
  millis: Schema.Number,
  blockers: Schema.Array(Blocker),
  /** Whether a prepared transaction holds the lock, which no connection stands for. */
  byPrepared: Schema.Boolean
})

/** A connection that waits for a lock, and who holds it or waits before it; five at most. */
export type BlockedBackend = typeof BlockedBackend.Type

/** One look. Times are milliseconds; connections are those of the whole server, not only of this database. */
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
  /** Connections of other roles of which only the owner can be seen. */
  hidden: Schema.Number,
  /** Whether it may be asked who blocks whom. */
  canSeeBlocking: Schema.Boolean,
  /** The role that looked. */
  role: Schema.String
})

export type DatabaseView = typeof DatabaseView.Type

interface Named {
  readonly user: string | null
  readonly database: string | null
  readonly application: string | null
}

/** The view with every name that somebody else chose passed through a function. */
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

/** How many connections there are: all, or those of an owner, in a state. */
export const countOf = (
  view: DatabaseView,
  filter: { readonly owner?: Owner; readonly state?: BackendState } = {}
): number =>
  view.counts
    .filter(({ owner }) => filter.owner === undefined || owner === filter.owner)
    .filter(({ state }) => filter.state === undefined || state === filter.state)
    .reduce((sum, { count }) => sum + count, 0)

/** How many connections wait for a lock. */
export const waitingOnLock = (view: DatabaseView): number =>
  view.counts.reduce((sum, { waitingOnLock }) => sum + waitingOnLock, 0)

/** Connections that an ordinary role can have: `max_connections` without the reserved ones. */
export const usableConnections = (view: DatabaseView): number =>
  Math.max(0, view.maxConnections - view.reservedConnections)

/** What the look could not see and what would change that; undefined when it saw everything. */
export const restrictionOf = ({ hidden, role, canSeeBlocking }: DatabaseView): string | undefined => {
  const missing = [
    ...(hidden > 0 ? [`what ${hidden} connections of other roles do and how old they are`] : []),
    ...(canSeeBlocking ? [] : ["who blocks whom"])
  ]
  return missing.length === 0 ? undefined : `The role ${role} may not see ${missing.join(", nor ")}.`
}
