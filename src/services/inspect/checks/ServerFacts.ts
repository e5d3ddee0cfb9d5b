/** Facts of the server and of the role's privileges, read once before the checks. */
import * as Schema from "effect/Schema"

/** The facts. */
export const ServerFacts = Schema.Struct({
  /** Such as `17.4`. */
  version: Schema.String,
  /** Such as 170004. */
  versionNumber: Schema.Number,
  database: Schema.String,
  role: Schema.String,
  /** Wall-clock milliseconds of the server. */
  at: Schema.Number,
  maxConnections: Schema.Number,
  /** `superuser_reserved_connections` and, since PostgreSQL 16, `reserved_connections`. */
  reservedConnections: Schema.Number,
  /** Sessions of other roles whose state the role may not see. */
  hiddenSessions: Schema.Number,
  canSeeBlocking: Schema.Boolean,
  seesWal: Schema.Boolean,
  /** Whether the role may see the statements of all roles. */
  seesStatements: Schema.Boolean,
  tracksIoTiming: Schema.Boolean,
  /** The view pg_stat_statements with its schema; null when the extension is not in this database. */
  statementsView: Schema.NullOr(Schema.String),
  statementsColumns: Schema.Array(Schema.String),
  statementsReadable: Schema.Boolean,
  /** Whether the server was started with its library. */
  statementsLoaded: Schema.Boolean,
  /** When the counters of this database were last reset, as ISO 8601; null if never. */
  statsResetAt: Schema.NullOr(Schema.String)
})

export type ServerFacts = typeof ServerFacts.Type

/** Since PostgreSQL 16 `pg_stat_user_indexes` has the time of the last use. */
export const POSTGRES_16 = 160_000

/** pg_stat_statements is loaded when its settings exist; few roles may read `shared_preload_libraries`. */
export const factsStatement = `
with statements as (
  select view.oid, format('%I.%I', nspname, relname) as view,
    has_schema_privilege(namespace.oid, 'usage') and has_table_privilege(view.oid, 'select') as readable
  from pg_extension
  join pg_namespace as namespace on namespace.oid = extnamespace
  join pg_class as view on view.relnamespace = namespace.oid and view.relname = 'pg_stat_statements'
  where extname = 'pg_stat_statements'
)
select json_build_object(
  'version', split_part(current_setting('server_version'), ' ', 1),
  'versionNumber', current_setting('server_version_num')::int,
  'database', current_database(),
  'role', current_user,
  'at', round(extract(epoch from clock_timestamp()) * 1000)::float8,
  'maxConnections', current_setting('max_connections')::int,
  'reservedConnections', current_setting('superuser_reserved_connections')::int
    + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
  'hiddenSessions', (select count(*) from pg_stat_activity where backend_type is null and usesysid is not null),
  'canSeeBlocking', has_function_privilege('pg_blocking_pids(integer)', 'execute'),
  'seesWal', has_function_privilege('pg_ls_waldir()', 'execute'),
  'seesStatements', pg_has_role('pg_read_all_stats', 'usage'),
  'tracksIoTiming', current_setting('track_io_timing')::boolean,
  'statementsView', (select view from statements),
  'statementsColumns', coalesce((
    select json_agg(attname) from pg_attribute
    where attrelid = (select oid from statements) and attnum > 0 and not attisdropped
  ), '[]'::json),
  'statementsReadable', coalesce((select readable from statements), false),
  'statementsLoaded', current_setting('pg_stat_statements.max', true) is not null,
  'statsResetAt', (
    select to_char(stats_reset at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    from pg_stat_database where datname = current_database()
  )
)::text as facts`
