import type { ConnectionString } from "./Connection.ts"
import { type HostKind, TRANSACTION_PORT } from "./HostKind.ts"
import type { Note, Problem } from "./Problem.ts"

/** The mode in which an application uses a server that is not embedded. */
export type ConnectionMode = "supavisor_session" | "supavisor_transaction" | "direct"

/** Problems and notes of a connection in a mode. */
export interface ModeCheck {
  readonly problems: ReadonlyArray<Problem>
  readonly notes: ReadonlyArray<Note>
}

const SESSION_ADDRESS =
  "Copy the session pooler's string from the Supabase dashboard (Connect > Session pooler, " +
  "aws-N-REGION.pooler.supabase.com:5432)"

const poolerUnderDirect = (type: "supavisor_session" | "supavisor_transaction"): Problem => ({
  code: "pooler-under-direct",
  message: "This address is a pooler, not the database itself.",
  remedy: `Set DB_CONNECTION_TYPE=${type}, or use the direct string (db.REF.supabase.co:5432).`
})

const likelyTransactionPort: Note = {
  code: "likely-transaction-port",
  message: "Port 6543 usually serves a transaction mode, which keeps no session.",
  remedy: "Check that the pooler behind this port is in session mode; Supavisor serves sessions on port 5432."
}

const transactionMode: Note = {
  code: "transaction-mode",
  message: "Transaction mode keeps no session: settings, LISTEN, advisory locks and named prepared statements are off.",
  remedy: "Use the session pooler (port 5432, DB_CONNECTION_TYPE=supavisor_session) where they are needed."
}

/** Loopback and unknown hosts have no entry: a self-hosted pooler may serve any mode on any port. */
const PROBLEMS: { readonly [Mode in ConnectionMode]: { readonly [Kind in HostKind]?: Problem } } = {
  supavisor_session: {
    "transaction-pooler": {
      code: "transaction-port",
      message:
        "Port 6543 is the pooler's transaction mode: it keeps no session between transactions, so settings, LISTEN, " +
        "advisory locks and prepared statements are lost.",
      remedy: "Change the port to 5432, or set DB_CONNECTION_TYPE=supavisor_transaction."
    },
    direct: {
      code: "direct-host",
      message: "db.REF.supabase.co:5432 is the database itself, not the session pooler, and is reached over IPv6 only.",
      remedy: `${SESSION_ADDRESS}, or set DB_CONNECTION_TYPE=direct.`
    },
    "dedicated-pooler": {
      code: "dedicated-pooler",
      message: "db.REF.supabase.co:6543 is the dedicated pooler, which has the transaction mode only.",
      remedy: `${SESSION_ADDRESS}, or set DB_CONNECTION_TYPE=supavisor_transaction.`
    }
  },
  supavisor_transaction: {
    "session-pooler": {
      code: "session-port",
      message: "Port 5432 of the pooler is its session mode, not its transaction mode.",
      remedy: "Set DB_CONNECTION_TYPE=supavisor_session, or change the port to 6543."
    },
    direct: {
      code: "direct-host",
      message: "db.REF.supabase.co:5432 is the database itself, not a pooler in transaction mode.",
      remedy: "Set DB_CONNECTION_TYPE=direct, or use the transaction pooler's string with port 6543."
    }
  },
  direct: {
    "session-pooler": poolerUnderDirect("supavisor_session"),
    "transaction-pooler": poolerUnderDirect("supavisor_transaction"),
    "dedicated-pooler": poolerUnderDirect("supavisor_transaction")
  }
}

/**
 * Checks whether an address can serve a mode: on Supabase's hosts the port decides the mode.
 *
 * Loopback and unknown hosts are never a problem. Source: Supavisor 2.9 source, application.ex; Supabase docs,
 * guides/database/connecting-to-postgres.
 */
export const checkMode = (connection: ConnectionString, type: ConnectionMode): ModeCheck => {
  const problem = PROBLEMS[type][connection.kind]
  if (problem !== undefined) return { problems: [problem], notes: [] }
  if (type === "supavisor_transaction") return { problems: [], notes: [transactionMode] }
  const isForeign = connection.kind === "loopback" || connection.kind === "unknown"
  return { problems: [], notes: isForeign && connection.port === TRANSACTION_PORT ? [likelyTransactionPort] : [] }
}
