import { type CatalogueEntry, supavisor } from "./Entry.ts"

const remedy =
  "Use the session port (5432), or switch named prepared statements off by DB_CONNECTION_TYPE=supavisor_transaction."
const source = "Supavisor 2.9 source, client_handler/protocol_helpers.ex"

/** Supavisor's errors about prepared statements: in transaction mode only, because in session mode it parses nothing. */
export const supavisorStatementEntries: ReadonlyArray<CatalogueEntry> = [
  supavisor("EPREPAREDDUP", "statement", "never", {
    title: "the prepared statement already exists",
    explanation: "In transaction mode the pooler keeps the client's prepared statements, and this name is taken.",
    remedy,
    source,
    texts: ['(EPREPAREDDUP) prepared statement "<name>" already exists']
  }),
  supavisor("EPREPAREDNOTFOUND", "statement", "never", {
    title: "the prepared statement does not exist",
    explanation: "In transaction mode the pooler has no prepared statement of this name.",
    remedy,
    source,
    texts: ['(EPREPAREDNOTFOUND) prepared statement "<name>" does not exist']
  }),
  supavisor("EMAXPREPARED", "statement", "never", {
    title: "too many prepared statements on this connection",
    explanation: "In transaction mode the pooler keeps 100 prepared statements for a connection.",
    remedy,
    source,
    texts: ["(EMAXPREPARED) max prepared statements limit reached. Limit: <n> per connection"]
  }),
  supavisor("EMAXPREPAREDMEM", "statement", "never", {
    title: "the prepared statements of this connection are too large",
    explanation: "In transaction mode the pooler keeps 1 MB of prepared statements for a connection.",
    remedy,
    source,
    texts: ["(EMAXPREPAREDMEM) max prepared statements memory limit reached. Limit: <size> per connection"]
  }),
  supavisor("EPSSIMPLEQUERY", "statement", "never", {
    title: "PREPARE and EXECUTE as SQL do not work in transaction mode",
    explanation: "The pooler supports prepared statements of the extended query protocol only.",
    remedy,
    source,
    texts: [
      "(EPSSIMPLEQUERY) transaction mode only supports prepared statements using the Extended Query Protocol",
      "transaction mode only supports prepared statements using the Extended Query Protocol"
    ]
  })
]
