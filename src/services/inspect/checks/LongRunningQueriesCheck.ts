import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, statement } from "./Column.ts"
import { formatSpan } from "./Format.ts"
import { cancelStatement, hiddenSessions, millisSince, sessions } from "./SessionRows.ts"
import { firstFew } from "../../errors/Wording.ts"

/** Statements that run for long. */
export const longRunningQueries = Check.define({
  id: "long-running-queries",
  subject: "connections",
  details:
    "Statements in progress only; what rests in an open transaction is under idle-in-transaction. Text literals are " +
    "left out of the statements.",
  columns: {
    pid: count("process id of the server's process"),
    runningMillis: millis("since when it runs"),
    role: maybe(name("the role")),
    application: name("what the client calls itself"),
    waitsFor: maybe(extra(name("what the server's process waits for; null while it computes"))),
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
  empty: ({ longerThanMillis }) => `No statement has been running for ${formatSpan(longerThanMillis)} or longer.`,
  unseen: (_, input) => hiddenSessions(input),
  nextSteps: (rows) =>
    rows.length === 0
      ? []
      : [
          `End a statement and keep its session: ${cancelStatement(rows[0]?.pid ?? 0)}`,
          ...(rows.some(({ waitsFor }) => waitsFor?.startsWith("Lock") === true)
            ? [`Some wait for a lock: ${Check.commandOf("blocking")} says for whom.`]
            : []),
          "DB_STATEMENT_TIMEOUT bounds ours; alter role ... set statement_timeout bounds those of a role.",
          `${Check.commandOf("outliers")} says which statements take the most time over all.`
        ],
  rules: [
    {
      id: "statements-end",
      text: "No statement runs for longer than --longer-than (5 minutes)",
      judge: Check.failWhen(
        () => true,
        (rows) => firstFew(rows.map(({ pid, runningMillis }) => `backend ${pid} for ${formatSpan(runningMillis)}`))
      )
    }
  ]
})
