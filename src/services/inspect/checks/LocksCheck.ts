import * as Check from "./Check.ts"
import { count, extra, flag, maybe, millis, name, statement, word } from "./Column.ts"
import { hiddenSessions, millisSince, sessions } from "./SharedSql.ts"
import { wordMillis } from "../../errors/Wording.ts"

/** In milliseconds; the threshold of Supabase's report. */
const OLD_LOCK_MILLIS = 120_000

/** Modes that an ordinary SELECT, INSERT, UPDATE or DELETE does not take (PostgreSQL docs, explicit-locking). */
const strongModes = [
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock"
]

export const locks = Check.define({
  id: "locks",
  subject: "connections",
  details:
    "Shows granted locks of the modes that ordinary reads and writes do not take (ShareUpdateExclusiveLock and stronger) " +
    "on this database's relations, and all locks that are not granted, except those of the inspecting session. Text " +
    "literals are removed from statements.",
  columns: {
    pid: maybe(count("process id of the backend; null for a prepared transaction")),
    relation: maybe(name("the table or index, if the lock is on one")),
    mode: word("lock mode"),
    granted: flag("whether it is held; otherwise it is waited for"),
    ageMillis: maybe(
      millis("how long it has been waited for; for a held lock, how long its transaction has been open")
    ),
    role: maybe(name("role")),
    application: maybe(name("application_name of the client")),
    kind: extra(word("type of the locked object: relation, transactionid, tuple and others")),
    statement: maybe(statement("its current or last statement"))
  },
  query: ({ applicationName, limit }) => ({
    sql: `
with ${sessions}
select locks.pid, locks.relation::regclass::text as relation, mode, granted,
  case when granted then ${millisSince("xact_start")} else ${millisSince("waitstart")} end as "ageMillis",
  usename as role, application_name as application, locktype as kind, query as statement
from pg_locks as locks left join sessions using (pid)
where locks.pid is distinct from pg_backend_pid()
  and (locks.database is null
    or locks.database in (0, (select oid from pg_database where datname = current_database())))
  and (not granted or (locktype = 'relation' and mode in (${strongModes.map((mode) => `'${mode}'`).join(", ")})))
order by granted, "ageMillis" desc nulls last, locks.pid, relation limit ${limit}`,
    params: [applicationName]
  }),
  empty: () => "There are no strong locks, and no session waits for a lock.",
  unseen: hiddenSessions,
  nextSteps: (rows) => [
    rows.some(({ granted }) => !granted) && `${Check.commandOf("blocking")} shows which session waits for which.`,
    rows.some(({ granted, mode }) => granted && mode === "AccessExclusiveLock") &&
      "AccessExclusiveLock blocks even reads: run alter table in small steps, and create index concurrently."
  ],
  rules: [
    {
      id: "locks-end",
      text: "No strong lock is older than 2 minutes",
      fails: ({ ageMillis, granted }) => granted && (ageMillis ?? 0) > OLD_LOCK_MILLIS,
      describe: ({ ageMillis, mode, pid, relation }) =>
        `${mode} on ${relation ?? "an unnamed object"} by backend ${pid ?? "unknown"} for ${wordMillis(ageMillis ?? 0)}`
    }
  ]
})
