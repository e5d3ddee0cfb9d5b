/** What is asked of the server while a load is observed: counters at both ends, and looks in between. */
import * as Schema from "effect/Schema"

/** The counters of a database since they were last reset. */
export const Counters = Schema.Struct({
  /** Wall-clock milliseconds of the server. */
  at: Schema.Number,
  database: Schema.String,
  role: Schema.String,
  transactions: Schema.Number,
  /** Time in statements and in open transactions, all sessions together, in milliseconds. */
  heldMillis: Schema.Number,
  /** Statements and their time, where pg_stat_statements can be read; null elsewhere. */
  statements: Schema.NullOr(Schema.Struct({ calls: Schema.Number, millis: Schema.Number }))
})

export type Counters = typeof Counters.Type

/** One look at the sessions. */
export const Sample = Schema.Struct({
  /** Sessions of this database that run a statement or hold a transaction open, without the one that looks. */
  busy: Schema.Number,
  /** Those of them that hold a transaction open and do nothing. */
  idleInTransaction: Schema.Number,
  /** Sessions of other roles of which the role may not see what they do. */
  hidden: Schema.Number
})

export type Sample = typeof Sample.Type

/** Where pg_stat_statements can be read, and with which name of its time; null elsewhere. */
export const statementsSourceStatement = `
select format('%I.%I', nspname, relname) as view,
  case when exists (
    select from pg_catalog.pg_attribute where attrelid = c.oid and attname = 'total_exec_time' and not attisdropped
  ) then 'total_exec_time' else 'total_time' end as time
from pg_catalog.pg_extension
join pg_catalog.pg_namespace as n on n.oid = extnamespace
join pg_catalog.pg_class as c on c.relnamespace = n.oid and relname = 'pg_stat_statements'
where extname = 'pg_stat_statements' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
  and current_setting('pg_stat_statements.max', true) is not null`

/** Such a place. */
export const StatementsSource = Schema.Struct({
  view: Schema.String,
  time: Schema.Literals(["total_exec_time", "total_time"])
})

export type StatementsSource = typeof StatementsSource.Type

/** The counters, as JSON in `counters`. The times of pg_stat_database exist since PostgreSQL 14. */
export const countersStatement = (source: StatementsSource | undefined): string => `
select json_build_object(
  'at', round(extract(epoch from clock_timestamp()) * 1000)::float8,
  'database', datname,
  'role', current_user,
  'transactions', xact_commit + xact_rollback,
  'heldMillis', active_time + idle_in_transaction_time,
  'statements', ${
    source === undefined
      ? "null::json"
      : `(select json_build_object('calls', coalesce(sum(calls), 0), 'millis', coalesce(sum(${source.time}), 0))
    from ${source.view} where dbid = datid)`
  }
)::text as counters
from pg_catalog.pg_stat_database where datname = current_database()`

/** One look, as JSON in `sample`. */
export const sampleStatement = `
select json_build_object(
  'busy', count(*) filter (where state = 'active' or state like 'idle in transaction%'),
  'idleInTransaction', count(*) filter (where state like 'idle in transaction%'),
  'hidden', count(*) filter (where backend_type is null)
)::text as sample
from pg_catalog.pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
  and (backend_type = 'client backend' or (backend_type is null and usesysid is not null))`
