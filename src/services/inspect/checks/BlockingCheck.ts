import * as Check from "./Check.ts"
import { count, extra, flag, maybe, millis, name, statement, word } from "./Column.ts"
import { cancelStatement, hiddenSessions, millisSince, sessions, terminateSession } from "./SharedSql.ts"
import { counted, firstFew, wordMillis } from "../../errors/Wording.ts"

/** In milliseconds: PostgreSQL checks for a deadlock after this wait (deadlock_timeout). */
const LONG_WAIT_MILLIS = 1000

export const blocking = Check.define({
  id: "blocking",
  subject: "connections",
  details:
    "One row for each pair of a waiting session and a holder. `isFirst` marks a holder that does not wait itself: when it " +
    "ends, the others continue. A holder with pid 0 is a prepared transaction without a session. Holders are looked up only for " +
    "waiting sessions. Text literals are removed from statements.",
  columns: {
    blockedPid: count("process id of the waiting session"),
    waitedMillis: maybe(millis("how long it has been waiting")),
    blockingPid: count("process id of the holder; 0 for a prepared transaction"),
    isFirst: flag("whether the holder does not wait itself"),
    blockingState: maybe(extra(word("state of the holder"))),
    blockingTransactionMillis: maybe(extra(millis("how long the holder's transaction has been open"))),
    blockedStatement: maybe(statement("the waiting statement")),
    blockingStatement: maybe(statement("the holder's current or last statement")),
    mode: maybe(extra(word("mode of the requested lock"))),
    relation: maybe(extra(name("the locked table or index, if any"))),
    blockedRole: maybe(extra(name("role of the waiting session"))),
    blockedApplication: maybe(extra(name("application of the waiting session"))),
    blockingRole: maybe(extra(name("role of the holder"))),
    blockingApplication: maybe(extra(name("application of the holder")))
  },
  query: ({ applicationName, facts, limit }) =>
    facts.canSeeBlocking
      ? {
          sql: `
with ${sessions}, waiting as materialized (
  select pid, min(waitstart) as since, min(mode) as mode,
    min(relation::regclass::text) filter (where locktype in ('relation', 'tuple', 'page', 'extend')) as relation
  from pg_locks where not granted group by pid
), pairs as materialized (
  select distinct waiting.pid, holder.pid as holder
  from waiting cross join lateral unnest(pg_blocking_pids(waiting.pid)) as holder(pid)
)
select pairs.pid as "blockedPid", ${millisSince("waiting.since")} as "waitedMillis", pairs.holder as "blockingPid",
  not exists (select from pairs as other where other.pid = pairs.holder) as "isFirst",
  holding.state as "blockingState", ${millisSince("holding.xact_start")} as "blockingTransactionMillis",
  waits.query as "blockedStatement", holding.query as "blockingStatement", waiting.mode, waiting.relation,
  waits.usename as "blockedRole", waits.application_name as "blockedApplication",
  holding.usename as "blockingRole", holding.application_name as "blockingApplication"
from pairs join waiting using (pid)
left join sessions as waits on waits.pid = pairs.pid
left join sessions as holding on holding.pid = pairs.holder
order by waiting.since nulls last, pairs.pid, pairs.holder limit ${limit}`,
          params: [applicationName]
        }
      : {
          unavailable: `The role ${facts.role} may not call pg_blocking_pids.`,
          nextSteps: [`${Check.commandOf("locks")} shows held and requested locks, without the pairs.`]
        },
  empty: () => "No session waits for a lock.",
  unseen: hiddenSessions,
  nextSteps: (rows) => {
    const first = rows.find(({ isFirst }) => isFirst)
    if (first === undefined) return []
    const { blockingPid, blockingState } = first
    if (blockingPid === 0) {
      return [
        "A prepared transaction holds the lock: select gid, prepared, owner from pg_prepared_xacts; then rollback prepared '<gid>';"
      ]
    }
    const end = blockingState === "active" ? cancelStatement(blockingPid) : terminateSession(blockingPid)
    return [
      `Backend ${blockingPid} (${blockingState ?? "unknown"}) blocks the others. End it: ${end}`,
      blockingState === "active"
        ? `${Check.commandOf("long-running-queries")} shows other long statements.`
        : `${Check.commandOf("idle-in-transaction")} shows how long it has been idle.`,
      "set lock_timeout = '5s' makes a statement fail instead of waiting longer."
    ]
  },
  rules: [
    {
      id: "no-long-lock-waits",
      text: "No session has been waiting for a lock for more than 1 s",
      fails: ({ waitedMillis }) => (waitedMillis ?? 0) > LONG_WAIT_MILLIS,
      describe: ({ blockedPid, blockingPid, waitedMillis }) =>
        `backend ${blockedPid} for ${blockingPid}, ${wordMillis(waitedMillis ?? 0)}`,
      join: (pairs) => `${counted(pairs.length, "pair")}: ${firstFew(pairs)}`
    }
  ]
})
