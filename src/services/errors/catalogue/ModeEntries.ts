import { type CatalogueEntry, define } from "./Entry.ts"

/** What the login itself finds out about the pooler it reached. */
export const modeEntries: ReadonlyArray<CatalogueEntry> = [
  define({
    code: "TRANSACTION_MODE",
    class: "configuration",
    retry: "never",
    title: "the pooler is in transaction mode and keeps no session",
    explanation:
      "The connection type promises sessions, but the pooler lends a server connection for one transaction at a time. " +
      "Settings, LISTEN, advisory locks, temporary tables and prepared statements would be lost, or reach other clients.",
    remedy:
      "Connect to the session port (5432 at Supavisor), set pool_mode=session in PgBouncer for this database and user, " +
      "or set DB_CONNECTION_TYPE=supavisor_transaction and do without sessions.",
    source: "PgBouncer docs, config (pool_mode) and features; Supabase docs, guides/database/connecting-to-postgres",
    signs: { errno: ["TRANSACTION_MODE"] }
  })
]
