import * as Check from "./Check.ts"
import { count, extra, maybe, millis, name, word } from "./Column.ts"
import { formatSpan } from "./Format.ts"
import { hiddenSessions, millisSince, sessions } from "./SessionRows.ts"

/** Connections by age. */
export const connectionAge = Check.define({
  id: "connection-age",
  subject: "connections",
  details:
    "The age is that of the server's process. A pooler in session mode may lend the same process to one client after " +
    "another, so behind one an age can be more than DB_CONNECTION_MAX_LIFETIME without anything being wrong.",
  columns: {
    pid: count("process id of the server's process"),
    ageMillis: maybe(millis("since when it is connected")),
    state: word("active, idle, idle in transaction, hidden"),
    inStateMillis: maybe(millis("since when it is in this state")),
    owner: word("ours, pooler or others"),
    role: maybe(name("the role")),
    application: name("what the client calls itself"),
    database: maybe(extra(name("the database"))),
    address: maybe(extra(name("where the client connects from")))
  },
  query: ({ applicationName, limit }) => ({
    sql: `
with ${sessions}
select pid, ${millisSince("backend_start")} as "ageMillis", state, ${millisSince("state_change")} as "inStateMillis",
  owner, usename as role, application_name as application, datname as database, address
from sessions order by backend_start nulls last, pid limit ${limit}`,
    params: [applicationName]
  }),
  empty: () => "Nobody else is connected.",
  unseen: (_, input) => hiddenSessions(input),
  nextSteps: (rows) => {
    const oldestOfOurs = rows.find(({ owner }) => owner === "ours")?.ageMillis ?? undefined
    return [
      ...(oldestOfOurs === undefined
        ? []
        : [`The oldest of ours is ${formatSpan(oldestOfOurs)} old; DB_CONNECTION_MAX_LIFETIME bounds it on our side.`]),
      `Old and idle ones of others are what keeps a limit full: ${Check.commandOf("pool-utilization")} compares.`
    ]
  }
})
