import * as Check from "./Check.ts"
import { count, flag, maybe, name, share, text } from "./Column.ts"
import { wordShare } from "../../errors/Wording.ts"

/** As in pool-utilization. */
const NEARLY_FULL = 0.8

export const roleStats = Check.define({
  id: "role-stats",
  subject: "connections",
  details:
    "Connections to all databases, except the inspecting one. The settings are those of alter role ... set for all " +
    "databases; the pool's sessions override the timeouts among them after each login.",
  columns: {
    role: name("role"),
    connections: count("current connections"),
    limit: maybe(count("maximum number of connections; null without a limit")),
    share: maybe(share("used share of the limit")),
    isSuperuser: flag("whether it is a superuser"),
    settings: maybe(text("settings of its new sessions"))
  },
  query: ({ limit }) => ({
    sql: `
select rolname as role, connections::int, nullif(rolconnlimit, -1) as "limit",
  case when rolconnlimit > 0 then round(connections::numeric / rolconnlimit, 4)::float8 end as share,
  rolsuper as "isSuperuser", array_to_string(rolconfig, ', ') as settings
from pg_roles cross join lateral (
  select count(*) from pg_stat_activity where usename = rolname and pid <> pg_backend_pid()
    and coalesce(backend_type, 'client backend') = 'client backend'
) as counted(connections)
where rolcanlogin
order by connections desc, rolname limit ${limit}`
  }),
  empty: () => "No role may log in.",
  nextSteps: (rows) => [
    ...rows
      .filter(({ share }) => (share ?? 0) >= NEARLY_FULL)
      .map(
        ({ limit, role }) => `${role} is near its limit of ${limit}: alter role ... connection limit <n> raises it.`
      ),
    `${Check.commandOf("activity")} shows the states of a role's connections.`
  ],
  rules: [
    {
      id: "role-limits",
      text: "No role uses more than 80 % of its connection limit",
      fails: ({ share }) => (share ?? 0) > NEARLY_FULL,
      describe: ({ role, share }) => `${role}: ${wordShare(share ?? 0)}`
    }
  ]
})
