import * as Check from "./Check.ts"
import { bytes, count, maybe, name, share, word } from "./Column.ts"
import { busy, isUserSchema } from "./SharedSql.ts"
import { firstFew, wordShare, wordBytes } from "../../errors/Wording.ts"

/** Below this waste, rewriting a table is not worth its lock. */
const WORTH_A_REWRITE_BYTES = 10_485_760

/** A vacuumed table keeps some free space; more than half of its size will not be reused soon. */
const MOSTLY_WASTE = 0.5

/** Sizes of the parts of a page in bytes (PostgreSQL docs, storage-page-layout, and source, nbtree.h). */
const PAGE_HEADER = 24
const LINE_POINTER = 4
const ROW_HEADER = 23
const BTREE_SPECIAL = 16
const INDEX_ROW_HEADER = 8
const INDEX_NULLS = 4
/** The default fillfactor of a B-tree in percent (PostgreSQL docs, sql-createindex). */
const BTREE_FILL = 90

const aligned = (size: string): string => `(ceil((${size}) / 8.0) * 8)`

const fillOf = (options: string, standard: number): string =>
  `coalesce((select option_value::int from pg_options_to_table(${options}) where option_name = 'fillfactor'), ${standard})`

/** The average padding before an aligned column that follows a column of variable length. */
const padding = `case when a.attlen > 0 and exists (
    select from pg_attribute as before
    where before.attrelid = a.attrelid and before.attnum between 1 and a.attnum - 1 and before.attlen < 0
  ) then case a.attalign when 'd' then 3.5 when 'i' then 1.5 when 's' then 0.5 else 0 end else 0 end`

/** The number of pages: only whole rows fit on a page. */
const pagesOf = (header: number): string =>
  `ceil(reltuples / greatest(1, floor((page - ${header}) * fill / 100.0 / row_size)))`

export const bloat = Check.define({
  id: "bloat",
  subject: "database",
  details:
    "The estimate compares the size on disk with the size that the rows need by the statistics of ANALYZE: their number, " +
    "the average width of each column, headers, alignment and fillfactor. With fresh statistics it is accurate to a few " +
    "percent, and less accurate for columns of very uneven width. TOAST, expression indexes and other kinds of indexes are " +
    "not estimated. A row with null in `waste` has no statistics, or is locked.",
  columns: {
    kind: word("table or index"),
    name: name("schema and name"),
    size: maybe(bytes("size on disk")),
    waste: maybe(bytes("bytes that the rows do not need")),
    wasteShare: maybe(share("waste as a share of the size")),
    deadRows: maybe(count("rows that vacuum can remove, by the server's estimate; tables only"))
  },
  query: ({ limit }) => ({
    sql: `
with ${busy}, block as (
  select current_setting('block_size')::int as page
), tables as materialized (
  select c.oid, n.nspname, c.relname, c.reltuples, ${fillOf("c.reloptions", 100)} as fill, c.relnatts,
    c.oid in (select oid from busy) as locked,
    case when c.oid not in (select oid from busy) then pg_relation_size(c.oid) end as size
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and c.relpersistence <> 't' and ${isUserSchema("n.nspname")}
), columns as materialized (
  select t.oid, a.attnum, s.null_frac, (1 - s.null_frac) * (s.avg_width + ${padding}) as width
  from tables as t join pg_stats as s on s.schemaname = t.nspname and s.tablename = t.relname and not s.inherited
  join pg_attribute as a on a.attrelid = t.oid and a.attname = s.attname
), table_rows as materialized (
  select t.*, row_size from tables as t left join (
    select oid, ${LINE_POINTER} + ${aligned("sum(width)")}
      + ${aligned(`${ROW_HEADER} + case when max(null_frac) > 0 then ceil(max(attnum) / 8.0) else 0 end`)} as row_size
    from columns group by oid
  ) as widths using (oid)
), indexes as materialized (
  select t.nspname, c.relname, c.reltuples, ${fillOf("c.reloptions", BTREE_FILL)} as fill, t.locked,
    case when not t.locked then pg_relation_size(c.oid) end as size, row_size
  from pg_index as i join tables as t on t.oid = i.indrelid join pg_class as c on c.oid = i.indexrelid
  join pg_am on pg_am.oid = c.relam and amname = 'btree'
  left join lateral (
    select ${LINE_POINTER} + ${aligned("sum(width)")}
      + ${aligned(`${INDEX_ROW_HEADER} + case when max(null_frac) > 0 then ${INDEX_NULLS} else 0 end`)} as row_size
    from columns where columns.oid = i.indrelid and columns.attnum = any(i.indkey)
    having count(*) = i.indnatts
  ) as widths on true
  where i.indexprs is null
), needed as (
  select 'table' as kind, nspname, t.relname, size, n_dead_tup as dead,
    case when reltuples >= 0 then ${pagesOf(PAGE_HEADER)} * page end as bytes
  from table_rows as t left join pg_stat_user_tables as s on s.relid = t.oid, block
  where size > 0 or locked
  union all
  select 'index', nspname, relname, size, null,
    case when reltuples >= 0 then (${pagesOf(PAGE_HEADER + BTREE_SPECIAL)} + 1) * page end
  from indexes, block where size > page or locked
)
select kind, format('%I.%I', nspname, relname) as name, size, (size - bytes)::float8 as waste,
  round(((size - bytes) / nullif(size, 0))::numeric, 4)::float8 as "wasteShare", dead as "deadRows"
from needed where bytes is null or size is null or size > bytes
order by waste desc nulls last, name limit ${limit}`
  }),
  empty: () => "No table and no B-tree index is larger than its rows need.",
  unseen: (rows) => {
    const unknown = rows.filter(({ waste }) => waste === null).map(({ name }) => name)
    return [
      unknown.length > 0 &&
        `No estimate for ${firstFew(unknown)}: no statistics that the role may read (run analyze), or locked.`
    ]
  },
  nextSteps: (rows) => {
    const worst = (kind: string) =>
      rows.find((row) => row.kind === kind && (row.waste ?? 0) > 0 && (row.wasteShare ?? 0) >= MOSTLY_WASTE)?.name
    const [table, index] = [worst("table"), worst("index")]
    return [
      table !== undefined &&
        `Make the space reusable for new rows, without an exclusive lock: vacuum (analyze) ${table};`,
      table !== undefined &&
        `Return it to the disk, under an exclusive lock: vacuum (full, analyze) ${table}; or without one: pg_repack.`,
      index !== undefined && `Rebuild the index without blocking writes: reindex index concurrently ${index};`,
      `${Check.commandOf("vacuum-stats")} shows whether vacuum keeps up.`
    ]
  },
  rules: [
    {
      id: "little-waste",
      text: "No table and no index wastes more than 10 MiB and half of its size",
      fails: ({ waste, wasteShare }) => (waste ?? 0) > WORTH_A_REWRITE_BYTES && (wasteShare ?? 0) > MOSTLY_WASTE,
      describe: ({ name, waste, wasteShare }) => `${name} (${wordBytes(waste ?? 0)}, ${wordShare(wasteShare ?? 0)})`
    }
  ]
})
