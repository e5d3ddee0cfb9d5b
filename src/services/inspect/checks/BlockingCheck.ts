import * as Check from "./Check.ts"
import { count, extra, flag, maybe, millis, name, statement, word } from "./Column.ts"
import { formatSpan } from "./Format.ts"
import { cancelStatement, hiddenSessions, millisSince, sessions, terminateSession } from "./SessionRows.ts"
import { counted, firstFew } from "../../errors/Wording.ts"

/** A wait this long is worth a person's time, in milliseconds: PostgreSQL itself looks for a deadlock then (deadlock_timeout). */
const WORTH_A_LOOK_MILLIS = 1000

/** Who waits for whom. */
export const blocking = Check.define({
  id: "blocking",
  subject: "connections",
  details:
    "One row for each pair. `isFirst` marks a holder that waits for nobody itself: end that one and the rest moves on. " +
    "A holder with pid 0 is a prepared transaction, which no session stands for. Who blocks whom is input only for " +
    "those that wait. Text literals are left out of the statements.",
  columns: {
    blockedPid: count("process id of the one that waits"),
    waitedMillis: maybe(millis("since when it waits")),
    blockingPid: count("process id of the one it waits for; 0 for a prepared transaction"),
    isFirst: flag("whether the holder waits for nobody itself"),
    blockingState: maybe(extra(word("what the holder does"))),
    blockingTransactionMillis: maybe(extra(millis("since when the holder's transaction is open"))),
    blockedStatement: maybe(statement("what waits")),
    blockingStatement: maybe(statement("what the holder runs, or ran last")),
    mode: maybe(extra(word("the lock that is waited for"))),
    relation: maybe(extra(name("the table or index it is on, where it is on one"))),
    blockedRole: maybe(extra(name("role of the one that waits"))),
    blockedApplication: maybe(extra(name("application of the one that waits"))),
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
          unavailable: `The role ${facts.role} may not ask who blocks whom (pg_blocking_pids).`,
          nextSteps: [`${Check.commandOf("locks")} shows who holds and who waits, without the pairs.`]
        },
  empty: () => "Nobody waits for a lock.",
  unseen: (_, input) => hiddenSessions(input),
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
      `Backend ${blockingPid} is where it begins (${blockingState ?? "unknown"}). End it: ${end}`,
      blockingState === "active"
        ? `${Check.commandOf("long-running-queries")} says what else takes long.`
        : `${Check.commandOf("idle-in-transaction")} says since when it rests.`,
      "set lock_timeout = '5s' makes a statement give up instead of waiting."
    ]
  },
  rules: [
    {
      id: "nobody-waits",
      text: "No session has been waiting for a lock for more than 1 s",
      judge: Check.failWhen(
        ({ waitedMillis }) => (waitedMillis ?? 0) > WORTH_A_LOOK_MILLIS,
        (rows) =>
          `${counted(rows.length, "pair")}: ` +
          firstFew(
            rows.map(
              ({ blockedPid, blockingPid, waitedMillis }) =>
                `backend ${blockedPid} for ${blockingPid}, ${formatSpan(waitedMillis ?? 0)}`
            )
          )
      )
    }
  ]
})
