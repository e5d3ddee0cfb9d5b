/** The titles of the checks, apart from their code, so that help and completions load fast. */

/** What each check shows: a sentence without a full stop. In the order of lists and reports. */
export const titles = {
  activity: "Connections by owner, state, role and application",
  "pool-utilization":
    "Connections in use of each limit: the server, the database, the role, the pooler's pool and this application's pool",
  "connection-age": "Connections by age, the oldest first",
  "long-running-queries": "Statements that have been running for longer than --longer-than (5 minutes)",
  blocking: "Sessions that wait for a lock, and the sessions that hold it",
  locks: "Strong locks on tables and indexes, and every lock that is waited for",
  "idle-in-transaction": "Sessions that are idle in an open transaction, the longest first",
  "role-stats": "Roles that may log in: their connections, their limit and their own settings",
  outliers: "Statements by total time, from pg_stat_statements",
  calls: "Statements by number of calls, from pg_stat_statements",
  "db-stats": "The database as a whole: sizes, cache hit rates, and since when they are counted",
  "index-stats": "Indexes by size, with their use and validity",
  "table-stats": "Tables by size, with their rows and scans",
  bloat: "Estimated unused space in tables and B-tree indexes",
  "vacuum-stats": "Vacuum by table: dead rows, the last run, and whether one is due",
  "replication-slots": "Replication slots: their readers and the write-ahead log they retain"
} as const

/** The name of a check on the command line. */
export type CheckId = keyof typeof titles

export const checkIds = Object.keys(titles) as ReadonlyArray<CheckId>
