import * as Check from "./Check.ts"
import { bytes, count, extra, flag, maybe, name } from "./Column.ts"
import { busy, isUserSchema, unmeasured } from "./SharedSql.ts"
import { firstFew } from "../../errors/Wording.ts"

/** A smaller table is read faster without an index. */
const WORTH_AN_INDEX_ROWS = 10_000

const lacksIndex = (table: Readonly<Record<"rows" | "wholeReads" | "indexReads", number>>): boolean =>
  table.rows >= WORTH_AN_INDEX_ROWS && table.wholeReads > table.indexReads

export const tableStats = Check.define({
  id: "table-stats",
  subject: "database",
  details:
    "Sizes are those on disk, rows are the server's estimate. Scans are counted since the statistics were reset. Tables " +
    "under an exclusive lock have no size, because reading it would wait for the lock.",
  columns: {
    table: name("schema and name"),
    totalSize: maybe(bytes("size of table, indexes and TOAST")),
    tableSize: maybe(bytes("size of the table with its TOAST")),
    indexSize: maybe(bytes("size of its indexes")),
    rows: count("rows, by the server's estimate"),
    wholeReads: count("number of sequential scans"),
    rowsReadInWhole: extra(count("rows read by sequential scans")),
    indexReads: count("number of index scans"),
    isLocked: extra(flag("whether its size could not be read"))
  },
  query: ({ limit }) => ({
    sql: `
with ${busy}, measured as materialized (
  select t.*, t.relid in (select oid from busy) as locked from pg_stat_user_tables as t
  where ${isUserSchema("schemaname")}
), sized as materialized (
  select *, case when not locked then pg_table_size(relid) end as bytes,
    case when not locked then pg_indexes_size(relid) end as index_bytes
  from measured
)
select format('%I.%I', schemaname, relname) as table, bytes + index_bytes as "totalSize", bytes as "tableSize",
  index_bytes as "indexSize", n_live_tup as rows, coalesce(seq_scan, 0) as "wholeReads",
  coalesce(seq_tup_read, 0) as "rowsReadInWhole", coalesce(idx_scan, 0) as "indexReads", locked as "isLocked"
from sized order by bytes + index_bytes desc nulls last, 1 limit ${limit}`
  }),
  empty: () => "The database has no user tables.",
  unseen: (rows) => [unmeasured(rows.filter(({ isLocked }) => isLocked).length)],
  nextSteps: (rows) => {
    const whole = rows.filter(lacksIndex).map(({ table }) => table)
    return [
      whole.length > 0 &&
        `${firstFew(whole)}: more sequential scans than index scans. ${Check.commandOf("outliers")} shows the slow statements.`,
      `${Check.commandOf("bloat")} estimates the unused space.`
    ]
  },
  rules: [
    {
      id: "tables-have-indexes",
      text: "No table of 10,000 rows or more has more sequential scans than index scans",
      fails: lacksIndex,
      describe: ({ indexReads, table, wholeReads }) => `${table} (${wholeReads} to ${indexReads})`
    }
  ]
})
