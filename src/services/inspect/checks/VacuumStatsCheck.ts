import * as Check from "./Check.ts"
import { count, extra, flag, maybe, name, share, time } from "./Column.ts"
import { instant, isUserSchema } from "./SharedSql.ts"
import { firstFew, wordShare } from "../../errors/Wording.ts"

/** The threshold of Supabase's report: a smaller table is vacuumed in a moment. */
const WORTH_A_RULE_ROWS = 1000

/** At the last of 2^31 transactions all writes stop (PostgreSQL docs, routine-vacuuming); half of them leave weeks to act. */
const HALF_WAY = 0.5

const LAST_TRANSACTION = 2_147_483_647

const option = (name: string): string =>
  `(select option_value from pg_options_to_table(c.reloptions) where option_name = '${name}')`

const setting = (name: string): string => `coalesce(${option(name)}, current_setting('${name}'))::float8`

export const vacuumStats = Check.define({
  id: "vacuum-stats",
  subject: "database",
  details:
    "A table is due when its dead rows exceed autovacuum's threshold: a fixed number plus a share of the rows, from the " +
    "settings of the server or the table. `wraparound` is the age of the table as a share of the transactions after which " +
    "PostgreSQL stops all writes.",
  columns: {
    table: name("schema and name"),
    rows: count("rows, by the server's estimate"),
    deadRows: count("rows that vacuum can remove, by the server's estimate"),
    threshold: count("dead rows above which autovacuum runs"),
    isDue: flag("whether the threshold is exceeded"),
    lastVacuum: maybe(time("last manual vacuum")),
    lastAutovacuum: maybe(time("last autovacuum")),
    lastAnalyze: maybe(extra(time("last manual or automatic analyze"))),
    isSwitchedOff: extra(flag("whether autovacuum is disabled for it")),
    wraparound: maybe(share("used share of the transactions until writes stop"))
  },
  query: ({ limit }) => ({
    sql: `
with found as materialized (
  select s.*, c.relfrozenxid, greatest(c.reltuples, 0) as tuples,
    coalesce(${option("autovacuum_enabled")}, 'true')::boolean and current_setting('autovacuum')::boolean as enabled,
    least(
      ${setting("autovacuum_vacuum_threshold")} + ${setting("autovacuum_vacuum_scale_factor")} * greatest(c.reltuples, 0),
      nullif(coalesce(${option("autovacuum_vacuum_max_threshold")},
        current_setting('autovacuum_vacuum_max_threshold', true))::float8, -1)
    ) as threshold
  from pg_stat_user_tables as s join pg_class as c on c.oid = s.relid
  where ${isUserSchema("s.schemaname")} and c.relkind in ('r', 'm')
)
select format('%I.%I', schemaname, relname) as table, n_live_tup as rows, n_dead_tup as "deadRows",
  round(threshold::numeric)::float8 as threshold, n_dead_tup > threshold as "isDue",
  ${instant("last_vacuum")} as "lastVacuum", ${instant("last_autovacuum")} as "lastAutovacuum",
  ${instant("greatest(last_analyze, last_autoanalyze)")} as "lastAnalyze", not enabled as "isSwitchedOff",
  round(age(relfrozenxid)::numeric / ${LAST_TRANSACTION}, 4)::float8 as wraparound
from found order by n_dead_tup > threshold desc, n_dead_tup desc, 1 limit ${limit}`
  }),
  empty: () => "The database has no user tables.",
  nextSteps: (rows) => {
    const due = rows.find(({ isDue }) => isDue)
    const off = rows.filter(({ isSwitchedOff }) => isSwitchedOff).map(({ table }) => table)
    return [
      due !== undefined && `Run vacuum now: vacuum (verbose, analyze) ${due.table};`,
      due !== undefined &&
        `If dead rows remain, an old transaction keeps them: ${Check.commandOf("idle-in-transaction")}.`,
      off.length > 0 && `Autovacuum is disabled for ${firstFew(off)}: alter table ... reset (autovacuum_enabled);`
    ]
  },
  rules: [
    {
      id: "vacuum-keeps-up",
      text: "No table of 1,000 rows or more is due for vacuum",
      fails: ({ deadRows, isDue, rows }) => isDue && rows + deadRows >= WORTH_A_RULE_ROWS,
      describe: ({ deadRows, table, threshold }) => `${table} (${deadRows} dead rows, due at ${threshold})`
    },
    {
      id: "wraparound",
      text: "No table has used half of the transactions until writes stop",
      fails: ({ wraparound }) => (wraparound ?? 0) > HALF_WAY,
      describe: ({ table, wraparound }) => `${table}: ${wordShare(wraparound ?? 0)}`
    }
  ]
})
