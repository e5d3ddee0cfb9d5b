import { defaultPoolerSize } from "../../config/PoolSizing.ts"
import * as Check from "./Check.ts"
import { count, extra, maybe, name, share, text, word } from "./Column.ts"
import { formatPercent } from "./Format.ts"
import { hiddenSessions, quoteName, sessions } from "./SessionRows.ts"

/** Above this share the next burst may be refused: Supabase's own bound for a pool that leaves room (its docs, guides/database/connection-management). */
const NEARLY_FULL = 0.8

const isBehindPooler = ({ connectionType }: Check.CheckInput): boolean => connectionType.startsWith("supavisor")

/** Sessions the pooler keeps for the role and database: those with its name, and ours, which it carries. */
const poolerRow = (input: Check.CheckInput): string => {
  if (!isBehindPooler(input)) return ""
  const origin =
    input.poolerSize === undefined ? "its default pool size; --pooler-size sets yours" : "its pool size, as given"
  return `
union all
select 'pooler', current_user || '@' || current_database(),
  (select count(*) from sessions
    where owner in ('ours', 'pooler') and usename = current_user and datname = current_database()),
  ${input.poolerSize ?? defaultPoolerSize}, '${origin}'`
}

/** Everything that has a limit, and how much of it is used. */
export const poolUtilization = Check.define({
  id: "pool-utilization",
  subject: "connections",
  details:
    "The server's limit is max_connections without the reserved ones. The pooler's pool is per role and database; its " +
    "size is not known to PostgreSQL, so it is 15 unless --pooler-size says otherwise, and it is used by the sessions " +
    "that carry the pooler's name or ours. Ours is what one process may open (DB_POOL_MAX), used by all processes " +
    "with the same DB_APPLICATION_NAME. The connection that asks is not counted.",
  columns: {
    scope: word("server, database, role, pooler or ours"),
    name: name("whose limit it is"),
    used: count("connections now"),
    limit: maybe(count("connections at most")),
    free: maybe(count("what is left")),
    share: maybe(share("used part of the limit")),
    origin: extra(text("where the limit comes from"))
  },
  query: (input) => ({
    sql: `
with ${sessions}, limits(scope, name, used, cap, origin) as (
  select 'server', 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1),
    (select count(*) from sessions), ${input.facts.maxConnections - input.facts.reservedConnections},
    'max_connections ${input.facts.maxConnections}, ${input.facts.reservedConnections} of them reserved'
  union all
  select 'database', datname, (select count(*) from sessions s where s.datname = d.datname), datconnlimit,
    'alter database ... connection limit'
  from pg_database d where datname = current_database() and datconnlimit >= 0
  union all
  select 'role', rolname, (select count(*) from sessions s where s.usename = rolname), rolconnlimit,
    'alter role ... connection limit'
  from pg_roles where rolname = current_user and rolconnlimit >= 0
  ${poolerRow(input)}
  union all
  select 'ours', $1, (select count(*) from sessions where owner = 'ours'), ${input.poolMax}, 'DB_POOL_MAX of one process'
)
select scope, name, used::int, cap as "limit", greatest(0, cap - used)::int as free,
  case when cap > 0 then round(used::numeric / cap, 4)::float8 end as share, origin
from limits order by share desc nulls last, scope limit ${input.limit}`,
    params: [input.applicationName]
  }),
  empty: () => "There is no limit to compare with.",
  unseen: (_, input) => [
    ...hiddenSessions(input),
    ...(isBehindPooler(input) && input.poolerSize === undefined
      ? [
          "PostgreSQL does not know the pooler's pool size. It is in the Dashboard under Database, Settings, Connection " +
            "pooling: give it with --pooler-size."
        ]
      : [])
  ],
  nextSteps: (rows, { facts }) => {
    const full = rows.filter((row) => (row.share ?? 0) >= NEARLY_FULL)
    return full.length === 0
      ? ["Nothing is nearly full."]
      : [
          ...full.map(({ limit, name, scope, used }) => {
            if (scope === "ours")
              return `Ours (${name}) uses ${used} of ${limit}: effect-supavisor size says whether it should have more.`
            if (scope === "pooler") {
              return `The pooler's pool of ${name} uses ${used} of ${limit}: lower DB_POOL_MAX, or raise the pool size in the Dashboard.`
            }
            return `The ${scope} ${quoteName(name)} uses ${used} of ${limit}: ${Check.commandOf("activity")} says who they are.`
          }),
          ...(full.some(({ scope }) => scope === "server")
            ? [`A larger compute size has more than ${facts.maxConnections} connections.`]
            : [])
        ]
  },
  rules: [
    {
      id: "limits",
      text: "No limit of connections is used by more than 80 %",
      judge: Check.failWhen(
        ({ scope, share }) => scope !== "ours" && (share ?? 0) > NEARLY_FULL,
        (rows) => rows.map(({ name, scope, share }) => `${scope} ${name}: ${formatPercent(share ?? 0)}`).join("; ")
      )
    }
  ]
})
