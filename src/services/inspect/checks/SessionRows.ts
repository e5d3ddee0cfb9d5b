/** SQL and texts that the checks of connections share. */
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
