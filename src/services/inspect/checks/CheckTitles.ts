/** The checks by name, apart from what they do: help and completions need no more, and load faster without. */

/** What each check shows, as a sentence without a full stop; in the order they are listed and reported. */
export const titles = {
  activity: "Who is connected and what they do: connections by owner, state, role and application",
  "pool-utilization":
    "How full everything with a limit is: the server, the database, the role, the pooler's pool and ours",
  "connection-age": "How old the connections are, the oldest first",
  "long-running-queries": "Statements that have been running for longer than --longer-than (5 minutes)",
  blocking: "Sessions that wait for a lock, and who holds it",
  locks: "Locks on tables and indexes that keep others out, and every lock that is waited for",
  "idle-in-transaction": "Sessions that hold a transaction open and do nothing, the longest first",
  "role-stats": "Roles that may log in: their connections, their limit and their own settings",
  outliers: "Statements by the time they take together, from pg_stat_statements",
  calls: "Statements by how often they are called, from pg_stat_statements",
  "db-stats": "The database as a whole: sizes, how much is found in memory, since when it is counted",
  "index-stats": "Indexes by size, how often each is used, and which are not",
  "table-stats": "Tables by size, with their rows and how they are read",
  bloat: "Space in tables and B-tree indexes that holds no row, by estimate",
  "vacuum-stats": "Vacuum, table by table: dead rows, when it last ran, and whether it is due",
  "replication-slots": "Replication slots: who reads them, and how much of the write-ahead log each keeps"
} as const

/** As it is written on the command line. */
export type CheckId = keyof typeof titles

export const checkIds = Object.keys(titles) as ReadonlyArray<CheckId>
