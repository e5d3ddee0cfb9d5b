import * as Check from "./Check.ts"
import { bytes, count, extra, flag, maybe, name, share, time } from "./Column.ts"
import { POSTGRES_16 } from "./ServerFacts.ts"
import { busy, instant, isUserSchema, unmeasured } from "./SharedSql.ts"
import { firstFew, wordBytes } from "../../errors/Wording.ts"

/** A smaller unused index costs little. */
const WORTH_DROPPING_BYTES = 1_048_576

/** One week in milliseconds: younger counters may not include weekly jobs. */
const LONG_ENOUGH_MILLIS = 604_800_000

const isYoung = ({ facts }: Check.CheckInput): boolean =>
  facts.statsResetAt !== null && facts.at - Date.parse(facts.statsResetAt) < LONG_ENOUGH_MILLIS

export const indexStats = Check.define({
  id: "index-stats",
  subject: "database",
  details:
    "Scans are counted since the statistics were reset, on this server only: a replica counts its own. `isUnused` marks " +
    "an index without scans that enforces no uniqueness. A failed create index concurrently leaves an invalid index, which " +
    "is written to and never read.",
  columns: {
    index: name("schema and name"),
    table: name("schema and name of its table"),
    size: maybe(bytes("size")),
    scans: count("number of scans"),
    shareOfReads: maybe(share("share of its table's scans that used any index")),
    isUnused: flag("never used, and enforces no uniqueness"),
    isUnique: extra(flag("whether it enforces uniqueness")),
    isValid: extra(flag("whether it can be used")),
    lastUsed: maybe(extra(time("last use; since PostgreSQL 16"))),
    isLocked: extra(flag("whether its size could not be read"))
  },
  query: ({ facts, limit }) => ({
    sql: `
with ${busy}, found as materialized (
  select s.*, i.indisunique, i.indisexclusion, i.indisvalid, t.seq_scan, t.idx_scan as table_scans,
    s.relid in (select oid from busy) as locked
  from pg_stat_user_indexes as s join pg_index as i using (indexrelid)
  join pg_stat_user_tables as t on t.relid = s.relid
  where ${isUserSchema("s.schemaname")}
)
select format('%I.%I', schemaname, indexrelname) as index, format('%I.%I', schemaname, relname) as table,
  case when not locked then pg_relation_size(indexrelid) end as size, coalesce(idx_scan, 0) as scans,
  round(table_scans::numeric / nullif(table_scans + seq_scan, 0), 4)::float8 as "shareOfReads",
  coalesce(idx_scan, 0) = 0 and not indisunique and not indisexclusion as "isUnused", indisunique as "isUnique",
  indisvalid as "isValid",
  ${facts.versionNumber >= POSTGRES_16 ? instant("last_idx_scan") : "null::text"} as "lastUsed", locked as "isLocked"
from found order by indisvalid, size desc nulls last, 1 limit ${limit}`
  }),
  empty: () => "The database has no user indexes.",
  unseen: (rows) => [unmeasured(new Set(rows.filter(({ isLocked }) => isLocked).map(({ table }) => table)).size)],
  nextSteps: (rows, input) => {
    const invalid = rows.filter(({ isValid }) => !isValid)
    const unused = rows.find(({ isUnused, isValid }) => isUnused && isValid)
    return [
      ...invalid.map(({ index }) => `Rebuild the invalid index: reindex index concurrently ${index};`),
      unused !== undefined &&
        `Drop an unused index, after checking its use on every replica: drop index concurrently ${unused.index};`,
      unused !== undefined &&
        isYoung(input) &&
        "The counters are younger than a week: wait until the weekly jobs have run."
    ]
  },
  rules: [
    {
      id: "indexes-valid",
      text: "Every index is valid",
      fails: ({ isValid }) => !isValid,
      describe: ({ index }) => index
    },
    {
      id: "indexes-used",
      text: "No index of 1 MiB or more is unused",
      judge: (rows, input) => {
        const unused = rows.filter(({ isUnused, size }) => isUnused && (size ?? 0) >= WORTH_DROPPING_BYTES)
        if (unused.length === 0) return { outcome: "pass", detail: "None." }
        const detail = firstFew(unused.map(({ index, size }) => `${index} (${wordBytes(size ?? 0)})`))
        return isYoung(input)
          ? { outcome: "unknown", detail: `The counters are younger than a week: ${detail}` }
          : { outcome: "fail", detail }
      }
    }
  ]
})
