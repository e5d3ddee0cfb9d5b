import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, word } from "./Column.ts"
import { hiddenSessions, millisSince, sessions } from "./SharedSql.ts"
import { wordMillis } from "../../errors/Wording.ts"

export const connectionAge = Check.define({
  id: "connection-age",
  subject: "connections",
  details:
    "The age of the backend. A pooler in session mode may reuse a backend for several clients, so behind a pooler an age " +
    "may exceed DB_CONNECTION_MAX_LIFETIME.",
  columns: {
    pid: count("process id of the backend"),
    ageMillis: maybe(millis("age of the connection")),
    state: word("active, idle, idle in transaction, hidden"),
    inStateMillis: maybe(millis("time in this state")),
    owner: word("ours, pooler or others (see activity)"),
    role: maybe(name("role")),
    application: name("application_name of the client"),
    database: maybe(extra(name("database"))),
    address: maybe(extra(name("address of the client")))
  },
  query: ({ applicationName, limit }) => ({
    sql: `
with ${sessions}
select pid, ${millisSince("backend_start")} as "ageMillis", state, ${millisSince("state_change")} as "inStateMillis",
  owner, usename as role, application_name as application, datname as database, address
from sessions order by backend_start nulls last, pid limit ${limit}`,
    params: [applicationName]
  }),
  empty: () => "There are no other client connections.",
  unseen: hiddenSessions,
  nextSteps: (rows) => {
    const oldestOfOurs = rows.find(({ owner }) => owner === "ours")?.ageMillis ?? undefined
    return [
      oldestOfOurs !== undefined &&
        `The oldest connection of ours is ${wordMillis(oldestOfOurs)} old; DB_CONNECTION_MAX_LIFETIME limits it.`,
      `Old, idle connections use up limits: ${Check.commandOf("pool-utilization")} compares the counts with the limits.`
    ]
  }
})
