/** What of a connection string's `options` goes into the startup packet, and what is applied by SQL instead. */
import type { ConnectionString } from "../config/ConnectionString.ts"
import { readStartupOptions } from "../config/connection-string/StartupOptions.ts"

/** Words for the pooler itself (Supavisor 2.9 source, protocol_helpers.ex); PostgreSQL never sees them. */
const FOR_THE_POOLER: ReadonlySet<string> = new Set(["reference", "jit", "log_level", "client_tls"])

const isForPooler = (connection: ConnectionString, name: string): boolean =>
  FOR_THE_POOLER.has(name) &&
  (name === "reference" || connection.kind === "session-pooler" || connection.kind === "transaction-pooler")

/**
 * The `options` of the startup packet: the pooler's own words only, because the pooler drops every other one without
 * a word and PgBouncer refuses the login for them. Undefined when there are none.
 */
export const startupOptions = (connection: ConnectionString): string | undefined => {
  const words = Array.from(readStartupOptions(connection.options))
    .filter(([name]) => isForPooler(connection, name))
    .map(([name, value]) => `--${name}=${value.replaceAll(/[\\\s]/g, (character) => `\\${character}`)}`)
  return words.length === 0 ? undefined : words.join(" ")
}

/** The server parameters among the `options`: applied after the login, like every other setting. */
export const optionSettings = (connection: ConnectionString): ReadonlyArray<readonly [string, string]> =>
  Array.from(readStartupOptions(connection.options)).filter(
    ([name]) => !isForPooler(connection, name) && name !== "search_path"
  )
