/**
 * The statement of the monitor: PostgreSQL's list of connections, summed up by the server into one row.
 *
 * It reads memory only, at most `max_connections` entries and no table, and returns no text of a statement. Blocking
 * backends are queried only for those that wait for a lock, because pg_blocking_pids stops the lock manager for a moment
 * (PostgreSQL docs, functions-info).
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { isSqlError, type SqlError } from "effect/sql/SqlError"
import { redact } from "../../config/ConnectionString.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { SessionPool } from "../../pool/SessionPool.ts"
import { DatabaseView, mapNames } from "./DatabaseView.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"

/** Most rows of each kind; the counts cover the others. */
const MAX_ROWS = 10

const MAX_BLOCKERS = 5

const backend = (from: string): string =>
  `'pid', ${from}.pid, 'owner', ${from}.owner, 'state', ${from}.state, 'user', ${from}.usename, ` +
  `'database', ${from}.datname, 'application', ${from}.application_name`

const longest = (age: string, condition: string): string =>
  `(select json_build_object(${backend("s")}, 'millis', s.${age}) from seen s ` +
  `where s.${age} is not null and ${condition} order by s.${age} desc limit 1)`

const millisSince = (column: string): string =>
  `round(extract(epoch from clock_timestamp() - ${column}) * 1000)::float8`

const blockingPids = "case when not self and wait_event_type = 'Lock' then pg_blocking_pids(pid) end"

/**
 * The statement; its one parameter is our own `application_name`, its one column `view` the JSON of a `DatabaseView`.
 *
 * Without the privilege to read rows of other roles their type is null (PostgreSQL source, pgstatfuncs.c,
 * pg_stat_get_activity); they count as connections when they have a role. The session that runs the statement counts as
 * idle, as it was before.
 */
const activityStatement = (canSeeBlocking: boolean): string => `
with seen as (
  select pid, usename, datname, application_name, wait_event_type, self, hidden,
    case
      when application_name = $1::text then 'ours'
      when application_name like 'Supavisor%' then 'pooler'
      else 'others'
    end as owner,
    case
      when self then 'idle'
      when state in ('active', 'idle') then state
      when state like 'idle in transaction%' then 'idle in transaction'
      else 'unknown'
    end as state,
    ${millisSince("backend_start")} as age,
    case when not self then ${millisSince("xact_start")} end as transaction_age,
    case when not self and state = 'active' then ${millisSince("query_start")} end as query_age,
    case when state like 'idle in transaction%' then ${millisSince("state_change")} end as idle_age,
    ${canSeeBlocking ? blockingPids : "null::int[]"} as blockers
  from (
    select *, pid = pg_backend_pid() as self, backend_type is null as hidden
    from pg_stat_activity
    where backend_type = 'client backend' or (backend_type is null and usesysid is not null)
  ) as activity
)
select json_build_object(
  'maxConnections', current_setting('max_connections')::int,
  'reservedConnections', current_setting('superuser_reserved_connections')::int
    + coalesce(nullif(current_setting('reserved_connections', true), ''), '0')::int,
  'counts', coalesce((
    select json_agg(json_build_object(
      'owner', owner, 'state', state, 'count', total, 'waitingOnLock', waiting
    ) order by owner, state)
    from (
      select owner, state, count(*) as total, count(*) filter (where wait_event_type = 'Lock') as waiting
      from seen group by owner, state
    ) as sums
  ), '[]'::json),
  'oldest', ${longest("age", "true")},
  'oldestOurs', ${longest("age", "s.owner = 'ours'")},
  'longestTransaction', ${longest("transaction_age", "true")},
  'longestQuery', ${longest("query_age", "true")},
  'idleInTransaction', coalesce((
    select json_agg(json_build_object(${backend("s")}, 'millis', s.idle_age) order by s.idle_age desc)
    from (select * from seen where idle_age is not null order by idle_age desc limit ${MAX_ROWS}) as s
  ), '[]'::json),
  'blocked', coalesce((
    select json_agg(json_build_object(
      ${backend("s")}, 'millis', coalesce(s.query_age, 0), 'byPrepared', 0 = any(s.blockers),
      'blockers', coalesce((
        select json_agg(json_build_object(${backend("b")}))
        from (select * from seen where pid = any(s.blockers) order by pid limit ${MAX_BLOCKERS}) as b
      ), '[]'::json)
    ) order by s.query_age desc nulls last)
    from (
      select * from seen where cardinality(blockers) > 0 order by query_age desc nulls last limit ${MAX_ROWS}
    ) as s
  ), '[]'::json),
  'hidden', (select count(*) from seen where hidden),
  'canSeeBlocking', ${String(canSeeBlocking)},
  'role', current_user
)::text as view`

/** The time limit, in milliseconds. */
const QUERY_MILLIS = 5000

export type MonitorQueryOutcome =
  | { readonly _tag: "Seen"; readonly view: DatabaseView }
  | { readonly _tag: "NoSession" }
  | { readonly _tag: "Failed"; readonly reason: string; readonly isForbidden: boolean }

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(DatabaseView))

const failed = (reason: string, isForbidden = false): MonitorQueryOutcome => ({ _tag: "Failed", reason, isForbidden })

const reasonOf = (error: SqlError): string => SessionError.fromSqlError(error)?.message ?? error.message

/** An application may have the connection string as its name. */
const withoutSecrets = (view: DatabaseView, secrets: ReadonlyArray<string>): DatabaseView =>
  secrets.length === 0 ? view : mapNames(view, (name) => redact(name, secrets))

export interface MonitorQueryOptions {
  readonly applicationName: string
  readonly canSeeBlocking: boolean
  /** Removed from names. */
  readonly secrets: ReadonlyArray<string>
}

/** Runs the statement once, in five seconds at most and without waiting for a session. Never fails. */
export const runMonitorQuery = (
  pool: SessionPool["Service"],
  options: MonitorQueryOptions
): Effect.Effect<MonitorQueryOutcome> =>
  pool
    .tryUse((session) =>
      session.executeUnprepared(activityStatement(options.canSeeBlocking), [options.applicationName], undefined)
    )
    .pipe(
      Effect.flatMap((answer): Effect.Effect<MonitorQueryOutcome, Schema.SchemaError> => {
        if (Option.isNone(answer)) return Effect.succeed({ _tag: "NoSession" })
        return Effect.map(decode(answer.value[0]?.["view"]), (view) => ({
          _tag: "Seen",
          view: withoutSecrets(view, options.secrets)
        }))
      }),
      Effect.timeoutOrElse({
        duration: QUERY_MILLIS,
        orElse: () =>
          Effect.succeed(failed(`The database gave no answer within ${QUERY_MILLIS / MILLIS_PER_SECOND} s.`))
      }),
      Effect.catch((error) =>
        Effect.succeed(
          isSqlError(error)
            ? failed(reasonOf(error), error.reason._tag === "AuthorizationError")
            : failed("The database's answer has an unexpected form.")
        )
      )
    )
