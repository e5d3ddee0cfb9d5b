/** What the server is and what the role may see there: input once, before any check. */
import * as Schema from "effect/Schema"

/** The server as the role sees it. */
export const ServerFacts = Schema.Struct({
  /** As the server writes it, such as `17.4`. */
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
  /** Sessions of other roles of which only role and application can be seen. */
  hiddenSessions: Schema.Number,
  canSeeBlocking: Schema.Boolean,
  seesWal: Schema.Boolean,
  /** Whether the statements of every role can be seen, not only the role's own. */
  seesStatements: Schema.Boolean,
  tracksIoTiming: Schema.Boolean,
  /** Where pg_stat_statements was created in this database; null where it was not. */
  statementsView: Schema.NullOr(Schema.String),
  /** The columns that its version has. */
  statementsColumns: Schema.Array(Schema.String),
  /** Whether the role may read it. */
  statementsReadable: Schema.Boolean,
  /** Whether the server was started with its library. */
  statementsLoaded: Schema.Boolean,
  /** When the counters of this database were last set to zero, as ISO 8601; null where they never were. */
  statsResetAt: Schema.NullOr(Schema.String)
})

export type ServerFacts = typeof ServerFacts.Type

/** From this number on `pg_stat_user_indexes` knows when an index was last used. */
export const POSTGRES_16 = 160_000

/**
 * Whether the library of pg_stat_statements is loaded shows by its settings: `shared_preload_libraries` itself may be
 * read by few (PostgreSQL docs, runtime-config-client).
 */
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
