import * as Check from "./Check.ts"
import { count, extra, flag, maybe, millis, name, statement, word } from "./Column.ts"
import { formatSpan } from "./Format.ts"
import { hiddenSessions, millisSince, sessions } from "./SessionRows.ts"
import { firstFew } from "../../errors/Wording.ts"

/** A strong lock that is older, in milliseconds, outlives any ordinary statement: the bound of Supabase's report. */
const OLD_LOCK_MILLIS = 120_000

/** Modes that an ordinary SELECT, INSERT, UPDATE or DELETE does not take (PostgreSQL docs, explicit-locking). */
const strongModes = [
  "ShareUpdateExclusiveLock",
  "ShareLock",
  "ShareRowExclusiveLock",
  "ExclusiveLock",
  "AccessExclusiveLock"
]

/** Strong locks, and every wait. */
export const locks = Check.define({
  id: "locks",
  subject: "connections",
  details:
    "Shown are granted locks of the modes that ordinary reads and writes do not take (ShareUpdateExclusiveLock and " +
    "stronger) on this database's relations, and all locks that are not granted. Those of the session that asks are " +
    "left out, and so are text literals in the statements.",
  columns: {
    pid: maybe(count("process id of the server's process; null for a prepared transaction")),
    relation: maybe(name("the table or index, where the lock is on one")),
    mode: word("how strong it is"),
    granted: flag("held, or waited for"),
    ageMillis: maybe(millis("how long it is waited for; of a held one, since when its transaction is open")),
    role: maybe(name("the role")),
    application: maybe(name("what the client calls itself")),
    kind: extra(word("what is locked: relation, transactionid, tuple and others")),
    statement: maybe(statement("what it runs, or ran last"))
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
  empty: () => "Nobody holds a lock that keeps ordinary reads or writes out, and nobody waits for one.",
  unseen: (_, input) => hiddenSessions(input),
  nextSteps: (rows) => [
    ...(rows.some(({ granted }) => !granted) ? [`${Check.commandOf("blocking")} says who waits for whom.`] : []),
    ...(rows.some(({ granted, mode }) => granted && mode === "AccessExclusiveLock")
      ? ["AccessExclusiveLock keeps even reads out: alter table in small steps, create index concurrently."]
      : [])
  ],
  rules: [
    {
      id: "locks-end",
      text: "No strong lock is older than 2 minutes",
      judge: Check.failWhen(
        ({ ageMillis, granted }) => granted && (ageMillis ?? 0) > OLD_LOCK_MILLIS,
        (rows) =>
          firstFew(
            rows.map(
              ({ ageMillis, mode, pid, relation }) =>
                `${mode} on ${relation ?? "something"} by backend ${pid ?? "unknown"} for ${formatSpan(ageMillis ?? 0)}`
            )
          )
      )
    }
  ]
})
