/** Who holds the database's connections: one statement that any role may run, and its answer. */
import * as Schema from "effect/Schema"

/** More holders than these are summed up. */
const MOST_HOLDERS = 6

const Holder = Schema.Struct({
  role: Schema.NullOr(Schema.String),
  application: Schema.NullOr(Schema.String),
  count: Schema.Number
})

/** One look at the connections. */
export const ConnectionsView = Schema.Struct({
  max: Schema.Number,
  /** Kept back for superusers, and since PostgreSQL 16 for pg_use_reserved_connections. */
  reserved: Schema.Number,
  used: Schema.Number,
  /** CONNECTION LIMIT of the role and of the database; -1 for none. */
  roleLimit: Schema.Number,
  roleUsed: Schema.Number,
  databaseLimit: Schema.Number,
  databaseUsed: Schema.Number,
  /** The most numerous first. */
  holders: Schema.Array(Holder),
  /** Transactions that are open and rest, as far as the role may see. */
  idleInTransaction: Schema.Number,
  oldestIdleMillis: Schema.NullOr(Schema.Number),
  oldestIdleApplication: Schema.NullOr(Schema.String)
})

export type ConnectionsView = typeof ConnectionsView.Type

/** Reads the one column of the statement. */
export const decodeConnections = Schema.decodeUnknownEffect(Schema.fromJsonString(ConnectionsView))

/** The statement; its one column `view` is JSON. Rows of other roles show no state to an ordinary role. */
export const CONNECTIONS_SQL = `
with seen as (
  select usename, application_name, state, datname,
    (extract(epoch from clock_timestamp() - state_change) * 1000)::float8 as rested
  from pg_stat_activity
  where backend_type = 'client backend' or (backend_type is null and usesysid is not null)
), resting as (
  select * from seen where state like 'idle in transaction%' order by rested desc
), sums as (
  select usename, application_name, count(*) as total from seen group by 1, 2 order by 3 desc, 1, 2
  limit ${MOST_HOLDERS}
)
select json_build_object(
  'max', current_setting('max_connections')::int,
  'reserved', current_setting('superuser_reserved_connections')::int
    + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
  'used', (select count(*) from seen),
  'roleLimit', (select rolconnlimit from pg_roles where rolname = current_user),
  'roleUsed', (select count(*) from seen where usename = current_user),
  'databaseLimit', (select datconnlimit from pg_database where datname = current_database()),
  'databaseUsed', (select count(*) from seen where datname = current_database()),
  'holders', (select json_agg(json_build_object('role', usename, 'application', application_name, 'count', total)) from sums),
  'idleInTransaction', (select count(*) from resting),
  'oldestIdleMillis', (select rested from resting limit 1),
  'oldestIdleApplication', (select application_name from resting limit 1)
)::text as view`
