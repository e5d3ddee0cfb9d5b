import * as Check from "./Check.ts"
import { bytes, count, extra, maybe, name, share, time } from "./Column.ts"
import { busy, instant, unmeasured } from "./SharedSql.ts"
import { wordShare } from "../../errors/Wording.ts"

/** The threshold of Supabase's report. */
const GOOD_HIT_RATE = 0.94

/** With fewer blocks a rate means little: 80 MB of the usual 8 kB blocks. */
const ENOUGH_BLOCKS = 10_000

type Rate = "tableHitRate" | "indexHitRate"

const judgeRate =
  (name: Rate) =>
  ([row]: ReadonlyArray<Record<Rate, number | null> & { blocksRequested: number }>): Check.RuleOutcome => {
    const rate = row?.[name] ?? null
    if (row === undefined || rate === null || row.blocksRequested < ENOUGH_BLOCKS) {
      return { outcome: "unknown", detail: `Too few blocks were read so far (${row?.blocksRequested ?? 0}).` }
    }
    return { outcome: rate >= GOOD_HIT_RATE ? "pass" : "fail", detail: `It is ${wordShare(rate)}.` }
  }

export const databaseStats = Check.define({
  id: "db-stats",
  subject: "database",
  details:
    "A hit rate is the share of the blocks of tables, or of indexes, that was read from PostgreSQL's buffer cache since " +
    "the counters were last reset. Commits, rollbacks and deadlocks are counted since then too.",
  columns: {
    database: name("the database"),
    size: maybe(bytes("size of the database")),
    tableSize: maybe(bytes("size of its tables, without indexes and TOAST")),
    indexSize: maybe(bytes("size of its indexes")),
    toastSize: maybe(extra(bytes("size of TOAST: long values stored apart from their rows"))),
    walSize: maybe(bytes("size of the write-ahead log on disk; null without the privilege to see it")),
    tableHitRate: maybe(share("share of table blocks found in memory")),
    indexHitRate: maybe(share("share of index blocks found in memory")),
    blocksRequested: extra(count("blocks requested so far; the rates are reliable when it is large")),
    commits: extra(count("committed transactions")),
    rollbacks: extra(count("rolled back transactions")),
    deadlocks: count("deadlocks"),
    statsReset: maybe(time("start of the counters; null: since the database was created")),
    unmeasured: extra(count("tables whose size could not be read"))
  },
  query: ({ facts }) => ({
    sql: `
with ${busy}, sizes as materialized (
  select relkind, pg_relation_size(c.oid) as bytes from pg_class as c
  where relkind in ('r', 'm', 'i', 't') and c.oid not in (select oid from busy) and c.oid not in (select oid from locked)
    and not exists (select from pg_index where indexrelid = c.oid and indrelid in (select oid from busy))
), read as materialized (
  select coalesce(sum(heap_blks_hit), 0) as heap_hit, coalesce(sum(heap_blks_read), 0) as heap_read,
    coalesce(sum(idx_blks_hit), 0) as index_hit, coalesce(sum(idx_blks_read), 0) as index_read
  from pg_statio_user_tables
)
select datname as database, pg_database_size(datname) as size,
  (select sum(bytes) from sizes where relkind in ('r', 'm'))::float8 as "tableSize",
  (select sum(bytes) from sizes where relkind = 'i')::float8 as "indexSize",
  (select coalesce(sum(bytes), 0) from sizes where relkind = 't')::float8 as "toastSize",
  ${facts.seesWal ? "(select sum(size)::float8 from pg_ls_waldir())" : "null::float8"} as "walSize",
  round(heap_hit / nullif(heap_hit + heap_read, 0), 4)::float8 as "tableHitRate",
  round(index_hit / nullif(index_hit + index_read, 0), 4)::float8 as "indexHitRate",
  (heap_hit + heap_read + index_hit + index_read)::float8 as "blocksRequested",
  xact_commit as commits, xact_rollback as rollbacks, deadlocks,
  ${instant("stats_reset")} as "statsReset",
  (select count(*)::int from busy) as unmeasured
from pg_stat_database, read where datname = current_database()`
  }),
  empty: () => "The server has no statistics of this database.",
  unseen: ([row], { facts }) => [
    unmeasured(row?.unmeasured ?? 0),
    !facts.seesWal && `The role ${facts.role} may not see the size of the write-ahead log; the role pg_monitor may.`
  ],
  nextSteps: ([row]) => [
    judgeRate("tableHitRate")(row === undefined ? [] : [row]).outcome === "fail" &&
      "Less than 94 % of the table blocks are found in memory: look for sequential scans first, then add memory.",
    (row?.deadlocks ?? 0) > 0 &&
      "There were deadlocks: take locks in the same order everywhere; the server's log shows the statements.",
    `${Check.commandOf("table-stats")} and ${Check.commandOf("index-stats")} show the sizes of tables and indexes.`
  ],
  rules: [
    {
      id: "table-hit-rate",
      text: "At least 94 % of the table blocks are found in memory",
      judge: judgeRate("tableHitRate")
    },
    {
      id: "index-hit-rate",
      text: "At least 94 % of the index blocks are found in memory",
      judge: judgeRate("indexHitRate")
    }
  ]
})
