/** What the checks of connections have in common: the list of sessions, and words about them. */
import type { CheckInput } from "./Check.ts"
import { counted } from "../../errors/Wording.ts"

/** Milliseconds since a moment of the server's clock. */
export const millisSince = (moment: string): string =>
  `round(extract(epoch from clock_timestamp() - ${moment}) * 1000)::float8`

/** Whose session it is, by `application_name`, with our own name as a parameter of the statement. */
const owner = (parameter: string): string => `case
    when application_name = ${parameter}::text then 'ours'
    when application_name like 'Supavisor%' then 'pooler'
    else 'others'
  end`

/**
 * The sessions of clients on the whole server, without the one that asks, as `sessions`; our application's name is
 * parameter 1.
 *
 * Without the right to read other roles' rows their type is null (PostgreSQL source, pgstatfuncs.c,
 * pg_stat_get_activity), so they count when a role stands behind them; their state is `hidden`.
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
export const hiddenSessions = ({ facts }: CheckInput): ReadonlyArray<string> =>
  facts.hiddenSessions === 0
    ? []
    : [
        `The role ${facts.role} may not see what ${counted(facts.hiddenSessions, "session")} of other roles ` +
          `${facts.hiddenSessions === 1 ? "does" : "do"}. A superuser can change that: ` +
          `grant pg_read_all_stats to ${quoteName(facts.role)};`
      ]

/** A name as it is written in SQL. */
export const quoteName = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`

/** The two commands that end what a session does, the kinder one first. */
export const cancelStatement = (pid: number): string => `select pg_cancel_backend(${pid});`
export const terminateSession = (pid: number): string => `select pg_terminate_backend(${pid});`
