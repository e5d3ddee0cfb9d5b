import * as Check from "./Check.ts"
import { bytes, count, extra, flag, maybe, name, word } from "./Column.ts"
import { wordBytes } from "../../errors/Wording.ts"

/** One segment of the write-ahead log (PostgreSQL docs, wal_segment_size), which every slot may retain. */
const ONE_SEGMENT_BYTES = 16_777_216

const isLosing = (walStatus: string | null): boolean => walStatus === "lost" || walStatus === "unreserved"

export const replicationSlots = Check.define({
  id: "replication-slots",
  subject: "database",
  details:
    "All slots of the server. A slot without a reader retains the write-ahead log until the disk is full or the slot " +
    "exceeds max_slot_wal_keep_size. `safe` is how much can still be written before that.",
  columns: {
    slot: name("name of the slot"),
    type: word("logical or physical"),
    plugin: maybe(extra(name("output plugin of a logical slot"))),
    database: maybe(extra(name("database of a logical slot"))),
    active: flag("whether it has a reader"),
    activePid: maybe(extra(count("process id of the backend that serves the reader"))),
    client: maybe(extra(name("address of the reader"))),
    state: maybe(word("state of the reader")),
    walStatus: maybe(word("reserved, extended, unreserved or lost")),
    retained: maybe(bytes("write-ahead log that it retains")),
    safe: maybe(bytes("how much can be written before it is lost; null without a limit"))
  },
  query: ({ limit }) => ({
    sql: `
select slot_name as slot, slot_type as type, plugin, s.database, active, s.active_pid as "activePid",
  host(r.client_addr) as client, r.state, wal_status as "walStatus",
  pg_wal_lsn_diff(
    case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, restart_lsn
  )::float8 as retained, safe_wal_size as safe
from pg_replication_slots as s left join pg_stat_replication as r on r.pid = s.active_pid
order by retained desc nulls last, slot_name limit ${limit}`
  }),
  empty: () => "There are no replication slots.",
  nextSteps: (rows) => {
    const idle = rows.find(({ active }) => !active)
    return [
      idle !== undefined &&
        `${idle.slot} has no reader. If it is no longer needed: select pg_drop_replication_slot('${idle.slot}');`,
      idle !== undefined &&
        "Limit what a slot retains: alter system set max_slot_wal_keep_size = '4GB'; Supabase sets a limit.",
      rows.some(({ active, retained }) => active && (retained ?? 0) > ONE_SEGMENT_BYTES) &&
        "A reader is behind: check its log and its network."
    ]
  },
  rules: [
    {
      id: "slots-are-read",
      text: "No slot is lost, and none without a reader retains more than 16 MiB",
      fails: ({ active, retained, walStatus }) =>
        isLosing(walStatus) || (!active && (retained ?? 0) > ONE_SEGMENT_BYTES),
      describe: ({ retained, slot, walStatus }) => `${slot} (${walStatus ?? "unknown"}, ${wordBytes(retained ?? 0)})`
    }
  ]
})
