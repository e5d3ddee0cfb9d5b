/**
 * The settings of a session, applied by SQL and read back.
 *
 * They are not sent as startup parameters: Supavisor reads five of those and silently drops the others (Supavisor 2.9
 * source, protocol_helpers.ex), and PgBouncer refuses the login. So one statement after the login sets every value,
 * reads every value back, and shows that the session answers.
 */
import * as Duration from "effect/Duration"
import type { ConnectionString } from "../config/ConnectionString.ts"
import type { Problem } from "../config/settings/Problem.ts"
import type { Settings } from "../config/settings/Settings.ts"
import { readStartupOptions } from "../config/connection-string/StartupOptions.ts"

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

/** Server parameters that have a setting of their own, which is completed from the `options` too. */
const OWNED: ReadonlySet<string> = new Set([
  "statement_timeout",
  "idle_in_transaction_session_timeout",
  "application_name",
  "search_path"
])

/** The other server parameters among the `options`: applied after the login, like every setting. */
const optionSettings = (connection: ConnectionString): SessionSettings =>
  Array.from(readStartupOptions(connection.options)).filter(
    ([name]) => !isForPooler(connection, name) && !OWNED.has(name)
  )

/** Names of settings and their values, in order. */
export type SessionSettings = ReadonlyArray<readonly [name: string, value: string]>

/**
 * The settings of every session, each name once: `sessionSettings` before the `options` of the connection string. Empty
 * in transaction mode, where they would leak to others.
 */
export const settingsOf = (config: Settings, connection: ConnectionString): SessionSettings => {
  if (config.connectionType === "supavisor_transaction") return []
  const all: SessionSettings = [
    ...optionSettings(connection),
    ["statement_timeout", String(Math.round(Duration.toMillis(config.statementTimeout)))],
    ["idle_in_transaction_session_timeout", String(Math.round(Duration.toMillis(config.idleInTransactionTimeout)))],
    ["application_name", config.applicationName],
    ...(config.searchPath === undefined ? [] : [["search_path", config.searchPath] as const]),
    ...Object.entries(config.sessionSettings)
  ]
  return [...new Map(all.map((setting) => [setting[0].toLowerCase(), setting] as const)).values()]
}

/** A setting, the wanted value, and how the server spells it: as it was accepted, and as it is in effect. */
interface AppliedSetting {
  readonly name: string
  readonly wanted: string
  readonly accepted: string
  readonly effective: string
}

/** The result of the first round trip. */
export interface SessionFacts {
  readonly backendPid: number
  readonly maxConnections: number
  readonly serverVersion: string
  readonly applied: ReadonlyArray<AppliedSetting>
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
  applied: settings.map(([name, wanted], index) => ({
    name,
    wanted,
    accepted: String(row[`set_${index}`] ?? wanted),
    effective: String(row[`effective_${index}`] ?? "")
  }))
})

/**
 * The settings that did not take effect: the value read back is not the value that `set_config` reported, which is the
 * wanted one in the server's own spelling (`65536` is `64MB`, `false` is `off`).
 */
export const unapplied = (facts: SessionFacts): ReadonlyArray<AppliedSetting> =>
  facts.applied.filter(({ accepted, effective }) => accepted !== effective)

const UNDEFINED_OBJECT = "42704"

/** The settings that the server does not know, as problems of the configuration; empty for any other failure. */
export const unknownSettings = (
  settings: SessionSettings,
  { serverMessage, sqlState }: { readonly sqlState?: string | undefined; readonly serverMessage?: string | undefined }
): ReadonlyArray<Problem> =>
  sqlState !== UNDEFINED_OBJECT
    ? []
    : settings
        .filter(([name]) => serverMessage?.split(/[^\w.$]+/).includes(name))
        .map(([name, value]) => ({
          name: `sessionSettings.${name}`,
          received: value,
          expected: "a parameter of this server: it is unknown there",
          remedy:
            "Check its spelling (select name from pg_settings), also in the options of the connection string; a parameter " +
            "of an extension has its prefix, as in pgaudit.log"
        }))
