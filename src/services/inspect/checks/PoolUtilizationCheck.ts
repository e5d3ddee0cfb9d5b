import { defaultPoolerSize } from "../../config/PoolSizing.ts"
import * as Check from "./Check.ts"
import { count, extra, maybe, name, share, text, word } from "./Column.ts"
import { hiddenSessions, quoteName, sessions } from "./SharedSql.ts"
import { wordShare } from "../../errors/Wording.ts"

/** Supabase's threshold for a pool with room for a burst (its docs, guides/database/connection-management). */
const NEARLY_FULL = 0.8

const isBehindPooler = ({ connectionType }: Check.CheckInput): boolean => connectionType.startsWith("supavisor")

/** The pooler's sessions of the role and database: those with its application_name, and the application's. */
const poolerRow = (input: Check.CheckInput): string => {
  if (!isBehindPooler(input)) return ""
  const origin =
    input.poolerSize === undefined ? "the default pool size; set yours with --pooler-size" : "--pooler-size"
  return `
union all
select 'pooler', current_user || '@' || current_database(),
  (select count(*) from sessions
    where owner in ('ours', 'pooler') and usename = current_user and datname = current_database()),
  ${input.poolerSize ?? defaultPoolerSize}, '${origin}'`
}

export const poolUtilization = Check.define({
  id: "pool-utilization",
  subject: "connections",
  details:
    "The server's limit is max_connections without the reserved connections. The pooler has one pool per role and " +
    "database; PostgreSQL cannot report its size, so it is taken to be 15 unless --pooler-size is given. Sessions with the " +
    "pooler's application_name or ours count for it. `ours` compares the sessions of all processes with the same " +
    "DB_APPLICATION_NAME with DB_POOL_MAX, the limit of one process. The inspecting connection is not counted.",
  columns: {
    scope: word("server, database, role, pooler or ours"),
    name: name("name of the server, database, role, pool or application"),
    used: count("current connections"),
    limit: maybe(count("maximum number of connections")),
    free: maybe(count("remaining connections")),
    share: maybe(share("used share of the limit")),
    origin: extra(text("source of the limit"))
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
  unseen: (rows, input) => [
    ...hiddenSessions(rows, input),
    isBehindPooler(input) &&
      input.poolerSize === undefined &&
      "PostgreSQL cannot report the pooler's pool size: copy it from the Dashboard (Database, Settings, Connection " +
        "pooling) and set it with --pooler-size."
  ],
  nextSteps: (rows, { facts }) => {
    const full = rows.filter((row) => (row.share ?? 0) >= NEARLY_FULL)
    return full.length === 0
      ? ["No limit is nearly reached."]
      : [
          ...full.map(({ limit, name, scope, used }) => {
            if (scope === "ours")
              return `Ours (${name}) uses ${used} of ${limit}: effect-supavisor size recommends a pool size.`
            if (scope === "pooler") {
              return `The pooler's pool of ${name} uses ${used} of ${limit}: lower DB_POOL_MAX, or raise the pool size in the Dashboard.`
            }
            return `The ${scope} ${quoteName(name)} uses ${used} of ${limit}: ${Check.commandOf("activity")} shows them.`
          }),
          full.some(({ scope }) => scope === "server") &&
            `A larger compute size has more than ${facts.maxConnections} connections.`
        ]
  },
  rules: [
    {
      id: "limits",
      text: "No limit of connections is used by more than 80 %",
      fails: ({ scope, share }) => scope !== "ours" && (share ?? 0) > NEARLY_FULL,
      describe: ({ name, scope, share }) => `${scope} ${name}: ${wordShare(share ?? 0)}`,
      join: (limits) => limits.join("; ")
    }
  ]
})
