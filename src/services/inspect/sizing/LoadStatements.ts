/** The queries of the load observer: counters before and after, and samples in between. */
import * as Schema from "effect/Schema"

/** The counters of a database since they were last reset. */
export const Counters = Schema.Struct({
  /** Wall-clock milliseconds of the server. */
  at: Schema.Number,
  database: Schema.String,
  role: Schema.String,
  transactions: Schema.Number,
  /** Total time of all sessions in statements and open transactions, in milliseconds. */
  heldMillis: Schema.Number,
  /** Statements and their time; null when pg_stat_statements cannot be read. */
  statements: Schema.NullOr(Schema.Struct({ calls: Schema.Number, millis: Schema.Number }))
})

export type Counters = typeof Counters.Type

/** One sample of the sessions. */
export const Sample = Schema.Struct({
  /** Other sessions of this database that run a statement or are in a transaction. */
  busy: Schema.Number,
  /** Those of them that are idle in a transaction. */
  idleInTransaction: Schema.Number,
  /** Sessions of other roles whose state the role may not see. */
  hidden: Schema.Number
})

export type Sample = typeof Sample.Type

/** Finds pg_stat_statements and the name of its time column; no row if the role cannot read it. */
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

/** The view pg_stat_statements. */
export const StatementsSource = Schema.Struct({
  view: Schema.String,
  time: Schema.Literals(["total_exec_time", "total_time"])
})

export type StatementsSource = typeof StatementsSource.Type

/** The counters, as JSON in `counters`. pg_stat_database has times since PostgreSQL 14. */
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

/** One sample, as JSON in `sample`. */
export const sampleStatement = `
select json_build_object(
  'busy', count(*) filter (where state = 'active' or state like 'idle in transaction%'),
  'idleInTransaction', count(*) filter (where state like 'idle in transaction%'),
  'hidden', count(*) filter (where backend_type is null)
)::text as sample
from pg_catalog.pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid()
  and (backend_type = 'client backend' or (backend_type is null and usesysid is not null))`
