import * as Check from "./Check.ts"
import { count, extra, flag, maybe, name, share, time } from "./Column.ts"
import { formatPercent } from "./Format.ts"
import { isUserSchema } from "./TableRows.ts"
import { firstFew } from "../../errors/Wording.ts"

/** A table of fewer rows is vacuumed in no time, whenever its turn comes: the bound of Supabase's report. */
const WORTH_A_RULE_ROWS = 1000

/** The last of the 2^31 transactions stops all writes (PostgreSQL docs, routine-vacuuming); half of them leave weeks to act. */
const HALF_WAY = 0.5

/** Transaction ids until a table must be frozen. */
const LAST_TRANSACTION = 2_147_483_647

const option = (name: string): string =>
  `(select option_value from pg_options_to_table(c.reloptions) where option_name = '${name}')`

const setting = (name: string): string => `coalesce(${option(name)}, current_setting('${name}'))::float8`

const instant = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

/** Vacuum, table by table. */
export const vacuumStats = Check.define({
  id: "vacuum-stats",
  subject: "database",
  details:
    "A table is due when its dead rows pass the threshold of autovacuum, which is a number and a part of the rows, from " +
    "the server's settings or the table's own. `wraparound` is how far the table is on the way to the transaction id " +
    "at which PostgreSQL stops to write.",
  columns: {
    table: name("schema and name"),
    rows: count("rows, as the server estimates"),
    deadRows: count("rows that vacuum may remove, as the server estimates"),
    threshold: count("dead rows from which autovacuum comes"),
    isDue: flag("whether the threshold is passed"),
    lastVacuum: maybe(time("when somebody last vacuumed it")),
    lastAutovacuum: maybe(time("when autovacuum last did")),
    lastAnalyze: maybe(extra(time("when its statistics were last made, by whom ever"))),
    isSwitchedOff: extra(flag("whether autovacuum is off for it")),
    wraparound: maybe(share("way to the last transaction id"))
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
  empty: () => "The database has no tables of its own.",
  nextSteps: (rows) => {
    const due = rows.find(({ isDue }) => isDue)
    const off = rows.filter(({ isSwitchedOff }) => isSwitchedOff)
    return [
      ...(due === undefined
        ? []
        : [
            `Do not wait for autovacuum: vacuum (verbose, analyze) ${due.table};`,
            `If dead rows stay, an old transaction holds them: ${Check.commandOf("idle-in-transaction")}.`
          ]),
      ...(off[0] === undefined
        ? []
        : [
            `Autovacuum is off for ${firstFew(off.map(({ table }) => table))}: alter table ... reset (autovacuum_enabled);`
          ])
    ]
  },
  rules: [
    {
      id: "vacuum-keeps-up",
      text: "No table of 1,000 rows or more waits for vacuum",
      judge: Check.failWhen(
        ({ deadRows, isDue, rows }) => isDue && rows + deadRows >= WORTH_A_RULE_ROWS,
        (rows) =>
          firstFew(
            rows.map(({ deadRows, table, threshold }) => `${table} (${deadRows} dead rows, due at ${threshold})`)
          )
      )
    },
    {
      id: "wraparound",
      text: "No table is half way to the last transaction id",
      judge: Check.failWhen(
        ({ wraparound }) => (wraparound ?? 0) > HALF_WAY,
        (rows) => firstFew(rows.map(({ table, wraparound }) => `${table}: ${formatPercent(wraparound ?? 0)}`))
      )
    }
  ]
})
