/** SQL and texts that several checks share. */
import type { CheckInput } from "./Check.ts"
import { counted, type OptionalTexts } from "../../errors/Wording.ts"

/** SQL for the milliseconds since a timestamp. */
export const millisSince = (moment: string): string =>
  `round(extract(epoch from clock_timestamp() - ${moment}) * 1000)::float8`

/** The owner of a session by `application_name`; the parameter is the application's own name. */
const owner = (parameter: string): string => `case
    when application_name = ${parameter}::text then 'ours'
    when application_name like 'Supavisor%' then 'pooler'
    else 'others'
  end`

/**
 * The client sessions of the whole server except the inspecting one, as `sessions`. Parameter 1 is the application's name.
 *
 * For a role that may not read other roles' rows their `backend_type` is null (PostgreSQL source, pgstatfuncs.c,
 * pg_stat_get_activity); such a row with a role is counted as a client with the state `hidden`.
 */
export const sessions = `sessions as materialized (
  select pid, usename, datname, coalesce(application_name, '') as application_name, host(client_addr) as address,
    backend_start, xact_start, query_start, state_change, backend_xmin, wait_event_type, wait_event, query,
    ${owner("$1")} as owner,
    case when backend_type is null then 'hidden' else coalesce(state, 'unknown') end as state
  from pg_stat_activity
  where pid <> pg_backend_pid()
    and (backend_type = 'client backend' or (backend_type is null and usesysid is not null))
)`

/** What the role could not see of other roles' sessions. */
export const hiddenSessions = (_rows: unknown, { facts }: CheckInput): OptionalTexts => [
  facts.hiddenSessions > 0 &&
    `The role ${facts.role} may not see the state of ${counted(facts.hiddenSessions, "session")} of other roles. ` +
      `A superuser can grant it: grant pg_read_all_stats to ${quoteName(facts.role)};`
]

/** A name quoted for SQL if necessary. */
export const quoteName = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

export const cancelStatement = (pid: number): string => `select pg_cancel_backend(${pid});`

export const terminateSession = (pid: number): string => `select pg_terminate_backend(${pid});`

/** SQL that selects user schemas: all but those of PostgreSQL itself. */
export const isUserSchema = (column: string): string => `${column} <> 'information_schema' and ${column} !~ '^pg_'`

/** SQL for a timestamp as ISO 8601. */
export const instant = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

/** Tables that are locked exclusively, as `busy`, with TOAST and indexes: reading their size would wait. */
export const busy = `locked as materialized (
  select distinct relation as oid from pg_locks
  where locktype = 'relation' and mode = 'AccessExclusiveLock' and pid is distinct from pg_backend_pid()
    and database = (select oid from pg_database where datname = current_database())
), busy as materialized (
  select oid from locked
  union select indrelid from pg_index join locked on locked.oid = indexrelid
  union select c.oid from pg_class as c join locked on locked.oid = reltoastrelid
)`

/** The note on tables without a size. */
export const unmeasured = (count: number): string | false =>
  count > 0 &&
  `${counted(count, "table is", "tables are")} locked exclusively, so sizes are missing: ` +
    "effect-supavisor inspect locks shows the holders."
