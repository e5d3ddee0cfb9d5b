/**
 * The settings of a session, applied by SQL and read back.
 *
 * They are not sent as startup parameters: Supavisor reads five of those and silently drops the others (Supavisor 2.9
 * source, protocol_helpers.ex), and PgBouncer refuses the login. So one statement after the login sets every value,
 * reads every value back, and shows that the session answers.
 */
import * as Duration from "effect/Duration"
import type { ConnectionString } from "../config/ConnectionString.ts"
import type { Settings } from "../config/settings/Settings.ts"
import { readStartupOptions } from "../config/connection-string/StartupOptions.ts"
import { MILLIS_PER_DAY, MILLIS_PER_HOUR, MILLIS_PER_MINUTE, MILLIS_PER_SECOND } from "../errors/Units.ts"

/** Options of the pooler itself (Supavisor 2.9 source, protocol_helpers.ex), which are not passed on to PostgreSQL. */
const FOR_THE_POOLER: ReadonlySet<string> = new Set(["reference", "jit", "log_level", "client_tls"])

const isForPooler = (connection: ConnectionString, name: string): boolean =>
  FOR_THE_POOLER.has(name) &&
  (name === "reference" || connection.kind === "session-pooler" || connection.kind === "transaction-pooler")

/**
 * The `options` of the startup packet: the pooler's own only, because Supavisor silently drops all others and PgBouncer
 * refuses the login for them. Undefined when there are none.
 */
export const startupOptions = (connection: ConnectionString): string | undefined => {
  const words = Array.from(readStartupOptions(connection.options))
    .filter(([name]) => isForPooler(connection, name))
    .map(([name, value]) => `--${name}=${value.replaceAll(/[\\\s]/g, (character) => `\\${character}`)}`)
  return words.length === 0 ? undefined : words.join(" ")
}

/** The server parameters among the `options`: applied after the login, like every other setting. */
const optionSettings = (connection: ConnectionString): ReadonlyArray<readonly [string, string]> =>
  Array.from(readStartupOptions(connection.options)).filter(
    ([name]) => !isForPooler(connection, name) && name !== "search_path"
  )

/** Names of settings and their values, in order. */
export type SessionSettings = ReadonlyArray<readonly [name: string, value: string]>

/** The settings of every session, in the server's spelling. Empty in transaction mode, where they would leak to others. */
export const settingsOf = (config: Settings, connection: ConnectionString): SessionSettings => {
  if (config.connectionType === "supavisor_transaction") return []
  return [
    ...optionSettings(connection),
    ["statement_timeout", String(Math.round(Duration.toMillis(config.statementTimeout)))],
    ["idle_in_transaction_session_timeout", String(Math.round(Duration.toMillis(config.idleInTransactionTimeout)))],
    ["application_name", config.applicationName],
    ...(config.searchPath === undefined ? [] : [["search_path", config.searchPath] as const]),
    ...Object.entries(config.sessionSettings)
  ]
}

/** The result of the first round trip. */
export interface SessionFacts {
  readonly backendPid: number
  readonly maxConnections: number
  readonly serverVersion: string
  readonly applied: ReadonlyArray<readonly [name: string, wanted: string, effective: string]>
}

/** One statement that sets all values, then reads them back in an outer query, after they took effect. */
export const applyStatement = (settings: SessionSettings): { readonly sql: string; readonly params: Array<string> } => {
  const facts =
    "pg_backend_pid() as backend_pid, current_setting('max_connections') as max_connections, " +
    "current_setting('server_version') as server_version"
  if (settings.length === 0) return { sql: `select ${facts}`, params: [] }
  const params: Array<string> = []
  const sets: Array<string> = []
  const reads: Array<string> = []
  for (const [name, value] of settings) {
    const at = params.push(name, value)
    sets.push(`set_config($${at - 1}::text, $${at}::text, false) as set_${sets.length}`)
    reads.push(`set_${reads.length}, current_setting($${at - 1}::text) as effective_${reads.length}`)
  }
  // `offset 0` keeps the planner from merging the two levels, so every set_config has run before the first read.
  return { sql: `select ${facts}, ${reads.join(", ")} from (select ${sets.join(", ")} offset 0) as applied`, params }
}

/** Reads the row of `applyStatement`. */
export const readFacts = (settings: SessionSettings, row: Readonly<Record<string, unknown>>): SessionFacts => ({
  backendPid: Number(row["backend_pid"]),
  maxConnections: Number(row["max_connections"]),
  serverVersion: String(row["server_version"]),
  applied: settings.map(([name, value], index) => [name, value, String(row[`effective_${index}`] ?? "")])
})

const MILLIS_PER_UNIT: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: MILLIS_PER_SECOND,
  min: MILLIS_PER_MINUTE,
  h: MILLIS_PER_HOUR,
  d: MILLIS_PER_DAY
}

/** PostgreSQL's own spelling of a time ("30s", "1min", "1500ms", "0"), in milliseconds; undefined for other values. */
const timeInMillis = (value: string): number | undefined => {
  const match = /^(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?$/.exec(value.trim())
  return match === null ? undefined : Number(match[1]) * (MILLIS_PER_UNIT[match[2] ?? "ms"] ?? 1)
}

const unquoted = (value: string): string => value.replaceAll(/[\s"']/g, "").toLowerCase()

/** Whether the server's value equals the wanted one, in whatever spelling. */
export const sameSetting = (wanted: string, effective: string): boolean => {
  if (wanted === effective) return true
  const wantedMillis = timeInMillis(wanted)
  const effectiveMillis = timeInMillis(effective)
  if (wantedMillis !== undefined && effectiveMillis !== undefined) return wantedMillis === effectiveMillis
  return unquoted(wanted) === unquoted(effective)
}

/** The settings that did not take effect. */
export const unapplied = (facts: SessionFacts): SessionFacts["applied"] =>
  facts.applied.filter(([, wanted, effective]) => !sameSetting(wanted, effective))
