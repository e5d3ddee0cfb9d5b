import * as Check from "./Check.ts"
import { count, extra, flag, maybe, millis, name, statement, word } from "./Column.ts"
import { hiddenSessions, millisSince, sessions, terminateSession } from "./SharedSql.ts"
import { wordMillis } from "../../errors/Wording.ts"

export const idleInTransaction = Check.define({
  id: "idle-in-transaction",
  subject: "connections",
  details:
    "Such a session keeps its locks. With `holdsSnapshot` it also keeps vacuum from removing dead rows anywhere in the " +
    "database. `blocks` counts the sessions that wait for one of its locks. Text literals are removed from statements.",
  columns: {
    pid: count("process id of the backend"),
    idleMillis: millis("how long it has been idle"),
    transactionMillis: maybe(millis("how long its transaction has been open")),
    blocks: maybe(count("how many sessions wait for one of its locks")),
    holdsSnapshot: extra(flag("whether vacuum must keep dead rows for it")),
    owner: word("ours, pooler or others (see activity)"),
    role: maybe(name("role")),
    application: name("application_name of the client"),
    lastStatement: maybe(statement("its last statement"))
  },
  query: ({ applicationName, facts, limit }) => ({
    sql: `
with ${sessions}, waits as materialized (
  ${
    facts.canSeeBlocking
      ? `select waiting.pid, pg_blocking_pids(waiting.pid) as blockers
  from (select distinct pid from pg_locks where not granted) as waiting`
      : "select null::int as pid, null::int[] as blockers where false"
  }
)
select pid, ${millisSince("state_change")} as "idleMillis", ${millisSince("xact_start")} as "transactionMillis",
  ${facts.canSeeBlocking ? "(select count(*)::int from waits where sessions.pid = any(blockers))" : "null::int"} as blocks,
  backend_xmin is not null as "holdsSnapshot", owner, usename as role, application_name as application,
  query as "lastStatement"
from sessions where state like 'idle in transaction%'
order by state_change, pid limit ${limit}`,
    params: [applicationName]
  }),
  empty: () => "No session is idle in an open transaction.",
  unseen: hiddenSessions,
  nextSteps: (rows) =>
    rows.length === 0
      ? []
      : [
          `End one (a cancel has no effect, because no statement runs): ${terminateSession(rows[0]?.pid ?? 0)}`,
          "DB_IDLE_IN_TRANSACTION_TIMEOUT limits ours; alter role ... set idle_in_transaction_session_timeout limits those of a role.",
          rows.some(({ blocks }) => (blocks ?? 0) > 0) &&
            `Others wait for their locks: ${Check.commandOf("blocking")} shows them.`,
          "In the application: make no network calls and no long computations between BEGIN and COMMIT."
        ],
  rules: [
    {
      id: "transactions-end",
      text: "No transaction is idle for longer than DB_IDLE_IN_TRANSACTION_TIMEOUT",
      fails: ({ idleMillis }, { idleInTransactionMillis }) => idleMillis > idleInTransactionMillis,
      describe: ({ application, idleMillis, pid }) => `backend ${pid} (${application}) for ${wordMillis(idleMillis)}`
    }
  ]
})
