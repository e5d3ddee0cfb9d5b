import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, word } from "./Column.ts"
import { hiddenSessions, millisSince, sessions } from "./SharedSql.ts"
import { counted } from "../../errors/Wording.ts"

export const activity = Check.define({
  id: "activity",
  subject: "connections",
  details:
    "All client connections of the server, except the one that inspects. The owner is `ours` for the application_name " +
    "DB_APPLICATION_NAME, `pooler` for a name that begins with Supavisor, else `others`. A state is `hidden` when the " +
    "role may not see it.",
  columns: {
    owner: word("ours, pooler or others"),
    role: maybe(name("role")),
    application: name("application_name of the client"),
    state: word("active, idle, idle in transaction, hidden"),
    connections: count("number of connections"),
    waitingOnLock: count("how many of them wait for a lock"),
    longestMillis: maybe(extra(millis("longest time that one of them has been in this state")))
  },
  query: ({ applicationName, limit }) => ({
    sql: `
with ${sessions}
select owner, usename as role, application_name as application, state, count(*)::int as connections,
  (count(*) filter (where wait_event_type = 'Lock'))::int as "waitingOnLock",
  max(${millisSince("state_change")}) as "longestMillis"
from sessions group by 1, 2, 3, 4
order by connections desc, 1, 2, 3, 4 limit ${limit}`,
    params: [applicationName]
  }),
  empty: () => "There are no other client connections.",
  unseen: hiddenSessions,
  nextSteps: (rows) => {
    const waiting = rows.reduce((sum, row) => sum + row.waitingOnLock, 0)
    return [
      waiting > 0 &&
        `${counted(waiting, "connection waits", "connections wait")} for a lock: ${Check.commandOf("blocking")} shows the holders.`,
      rows.some(({ state }) => state.startsWith("idle in transaction")) &&
        `Some are idle in an open transaction: ${Check.commandOf("idle-in-transaction")} lists them.`,
      `${Check.commandOf("pool-utilization")} compares the counts with the limits.`
    ]
  }
})
