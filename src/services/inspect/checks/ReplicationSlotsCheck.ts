import * as Check from "./Check.ts"
import { bytes, count, extra, flag, maybe, name, word } from "./Column.ts"
import { formatBytes } from "./Format.ts"
import { firstFew } from "../../errors/Wording.ts"

/** One file of the write-ahead log (PostgreSQL docs, wal_segment_size): what any slot keeps at any time. */
const ONE_SEGMENT_BYTES = 16_777_216

const isLosing = (walStatus: string | null): boolean => walStatus === "lost" || walStatus === "unreserved"

/** Replication slots. */
export const replicationSlots = Check.define({
  id: "replication-slots",
  subject: "database",
  details:
    "All slots of the server. A slot that nobody reads keeps the write-ahead log for ever, until the disk is full or " +
    "max_slot_wal_keep_size ends it. `safe` is what may still be written until then.",
  columns: {
    slot: name("its name"),
    type: word("logical or physical"),
    plugin: maybe(extra(name("what decodes it, for a logical one"))),
    database: maybe(extra(name("the database, for a logical one"))),
    active: flag("whether somebody reads it"),
    activePid: maybe(extra(count("process id of the one that reads it"))),
    client: maybe(extra(name("where the reader connects from"))),
    state: maybe(word("what the reader does")),
    walStatus: maybe(word("reserved, extended, unreserved or lost")),
    retained: maybe(bytes("write-ahead log it keeps")),
    safe: maybe(bytes("what may be written until it is lost; null without a bound"))
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
  empty: () => "There are no replication slots, so none keeps the write-ahead log.",
  nextSteps: (rows) => {
    const idle = rows.find(({ active }) => !active)
    return [
      ...(idle === undefined
        ? []
        : [
            `Nobody reads ${idle.slot}. If nobody will: select pg_drop_replication_slot('${idle.slot}');`,
            "Bound what a slot may keep: alter system set max_slot_wal_keep_size = '4GB'; on Supabase it has a bound."
          ]),
      ...(rows.some(({ active, retained }) => active && (retained ?? 0) > ONE_SEGMENT_BYTES)
        ? ["A reader that is behind: look at its own log, and at its network."]
        : [])
    ]
  },
  rules: [
    {
      id: "slots-are-read",
      text: "No slot is lost, and none that nobody reads keeps more than 16 MB",
      judge: Check.failWhen(
        ({ active, retained, walStatus }) => isLosing(walStatus) || (!active && (retained ?? 0) > ONE_SEGMENT_BYTES),
        (rows) =>
          firstFew(
            rows.map(
              ({ retained, slot, walStatus }) => `${slot} (${walStatus ?? "unknown"}, ${formatBytes(retained ?? 0)})`
            )
          )
      )
    }
  ]
})
