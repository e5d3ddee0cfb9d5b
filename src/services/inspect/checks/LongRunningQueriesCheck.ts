import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, statement } from "./Column.ts"
import { cancelStatement, hiddenSessions, millisSince, sessions } from "./SharedSql.ts"
import { wordMillis } from "../../errors/Wording.ts"

export const longRunningQueries = Check.define({
  id: "long-running-queries",
  subject: "connections",
  details:
    "Statements in progress; idle transactions are shown by idle-in-transaction. Text literals are removed from " +
    "statements.",
  columns: {
    pid: count("process id of the backend"),
    runningMillis: millis("how long it has been running"),
    role: maybe(name("role")),
    application: name("application_name of the client"),
    waitsFor: maybe(extra(name("what the backend waits for; null while it computes"))),
    statement: maybe(statement("the statement"))
  },
  query: ({ applicationName, limit, longerThanMillis }) => ({
    sql: `
with ${sessions}
select pid, ${millisSince("query_start")} as "runningMillis", usename as role, application_name as application,
  wait_event_type || ': ' || wait_event as "waitsFor", query as statement
from sessions
where state not in ('idle', 'hidden') and state not like 'idle in transaction%'
  and ${millisSince("query_start")} >= ${longerThanMillis}
order by query_start, pid limit ${limit}`,
    params: [applicationName]
  }),
  empty: ({ longerThanMillis }) => `No statement has been running for ${wordMillis(longerThanMillis)} or longer.`,
  unseen: hiddenSessions,
  nextSteps: (rows) =>
    rows.length === 0
      ? []
      : [
          `Cancel a statement and keep its session: ${cancelStatement(rows[0]?.pid ?? 0)}`,
          rows.some(({ waitsFor }) => waitsFor?.startsWith("Lock")) &&
            `Some wait for a lock: ${Check.commandOf("blocking")} shows the holders.`,
          "DB_STATEMENT_TIMEOUT limits ours; alter role ... set statement_timeout limits those of a role.",
          `${Check.commandOf("outliers")} shows which statements take the most time in total.`
        ],
  rules: [
    {
      id: "statements-end",
      text: "No statement runs for longer than --longer-than (5 minutes)",
      fails: () => true,
      describe: ({ pid, runningMillis }) => `backend ${pid} for ${wordMillis(runningMillis)}`
    }
  ]
})
