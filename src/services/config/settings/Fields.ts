/**
 * The table of settings: the variable, reader, default and documentation of each one.
 *
 * The types `Settings` and `SettingsInput`, the readers of environment and code, the list of variables and the table
 * in the README are derived from it. A key is the path of the setting in `SettingsInput`: `name` or `group.name`.
 */
import * as Result from "effect/Result"
import { sslModes } from "../connection-string/Connection.ts"
import { choice, duration, durationOrOff, integer, type Reader } from "./Reader.ts"
import * as Texts from "./TextFields.ts"

/**
 * How a setting that was not given is completed.
 *
 * `fixed`: with the default in the table. `derived`: from other settings. `optional`: it stays undefined.
 * `sizing`: it is not part of the completed settings, only `pool.min` and `pool.max` are derived from it.
 */
type Kind = "fixed" | "derived" | "optional" | "sizing"

/** One setting. `A` is its value, `I` what code may give for it. */
export interface Field<A, I, K extends Kind> {
  readonly kind: K
  readonly variable: string
  readonly reader: Reader<A, I>
  /** The default, written as in the environment. */
  readonly literal?: string
  /** Where the default comes from when it is not a fixed value. */
  readonly source?: string
  readonly meaning: string
  readonly example: string
}

const fieldOf =
  <K extends Kind>(kind: K) =>
  <A, I>(
    variable: string,
    reader: Reader<A, I>,
    description: Omit<Field<A, I, K>, "kind" | "variable" | "reader">
  ): Field<A, I, K> => ({ kind, variable, reader, ...description })

const fixed = fieldOf("fixed")
const derived = fieldOf("derived")
const optional = fieldOf("optional")
const sizing = fieldOf("sizing")

/** Twice the largest `max_connections` that Supabase sells (500): a larger number is a mistake. */
const mostSessions = 1000

/** The most operations whose pool (1.2 times as many sessions) stays within that bound. */
const mostOperations = 833

/** A million waiters hold hundreds of megabytes. */
const longestQueue = 1_000_000

/** Twice as many statements as sql-pg pipelines on one connection at most; more only wait behind each other. */
const deepestPipeline = 128

const highestPort = 65_535

/** Every setting, in the order of the documentation. */
export const fields = {
  connectionType: derived(
    "DB_CONNECTION_TYPE",
    choice(["supavisor_session", "supavisor_transaction", "direct", "embedded"]),
    {
      source: "`supavisor_session` when a URL is set, else `embedded`",
      meaning:
        "What the URL leads to: `supavisor_session`, `supavisor_transaction`, `direct` or `embedded`. " +
        "Port 6543 under `supavisor_session` is refused; `supavisor_transaction` switches off named prepared " +
        "statements, session settings and LISTEN. A fallback URL to another host is taken as `direct`, with a note.",
      example: "supavisor_session"
    }
  ),
  "pool.agentSize": sizing("DB_AGENT_SIZE", choice(["small", "medium", "large"]), {
    literal: "small",
    meaning: "Size class of the pool: small 2/5, medium 5/15, large 10/30 sessions (min/max).",
    example: "medium"
  }),
  "pool.concurrentOperations": sizing("DB_CONCURRENT_OPERATIONS", integer(1, mostOperations), {
    source: "none",
    meaning: "Operations at the same time; max = ceil(operations x 1.2). Wins over the size class.",
    example: "12"
  }),
  "pool.min": derived("DB_POOL_MIN", integer(0, mostSessions), {
    source: "from the size",
    meaning: "Sessions kept open without traffic.",
    example: "2"
  }),
  "pool.max": derived("DB_POOL_MAX", integer(1, mostSessions), {
    source: "from the size",
    meaning:
      "Sessions at most, counted from dial to close. Keep the sum of all processes under the pooler's pool size.",
    example: "10"
  }),
  "pool.idleTimeout": fixed("DB_POOL_IDLE_TIMEOUT", duration, {
    literal: "300s",
    meaning: "An unused session above the minimum is closed after this time.",
    example: "5m"
  }),
  connectTimeout: fixed("DB_CONNECT_TIMEOUT", duration, {
    literal: "10s",
    meaning: "One dial, from DNS to the first answered round trip. `connect_timeout` of the URL is the second choice.",
    example: "10s"
  }),
  statementTimeout: fixed("DB_STATEMENT_TIMEOUT", duration, {
    literal: "30s",
    meaning: "One statement; applied and verified on the server, and watched on the client.",
    example: "30s"
  }),
  idleInTransactionTimeout: fixed("DB_IDLE_IN_TRANSACTION_TIMEOUT", duration, {
    literal: "60s",
    meaning: "A transaction that sends nothing; applied and verified on the server.",
    example: "60s"
  }),
  "pool.maxLifetime": fixed("DB_CONNECTION_MAX_LIFETIME", duration, {
    literal: "30m",
    meaning: "A session is replaced at this age, less up to 10 % jitter.",
    example: "30m"
  }),
  "pool.acquireTimeout": fixed("DB_POOL_ACQUIRE_TIMEOUT", duration, {
    literal: "30s",
    meaning: "How long a caller waits for a session.",
    example: "5s"
  }),
  "pool.maxWaiting": fixed("DB_POOL_MAX_WAITING", integer(1, longestQueue), {
    literal: "1000",
    meaning: "Callers waiting at the same time; the next one is refused at once.",
    example: "200"
  }),
  "pool.pipeline": fixed("DB_POOL_PIPELINE", integer(0, deepestPipeline), {
    literal: "0",
    meaning: "How many quick statements outside transactions may share a session, in one write. 0: off.",
    example: "32"
  }),
  "pool.leakThreshold": fixed("DB_LEAK_THRESHOLD", durationOrOff, {
    // twice the default statement timeout: a single slow statement is no leak
    literal: "60s",
    meaning: "A session held for longer is reported with its holder. 0: off.",
    example: "2m"
  }),
  healthCheckInterval: fixed("DB_HEALTH_CHECK_INTERVAL", duration, {
    literal: "30s",
    meaning: "Interval of the health check of pool and idle sessions.",
    example: "30s"
  }),
  monitorInterval: fixed("DB_MONITOR_INTERVAL", durationOrOff, {
    literal: "30s",
    meaning: "Interval at which the database's connections and limits are read, one short statement each. 0: off.",
    example: "1m"
  }),
  shutdownTimeout: fixed("DB_SHUTDOWN_TIMEOUT", duration, {
    literal: "20s",
    meaning: "The whole drain; keep it under the grace period of the platform (Kubernetes: 30 s).",
    example: "20s"
  }),
  keepAlive: fixed("DB_KEEP_ALIVE", durationOrOff, {
    literal: "30s",
    meaning: "TCP keepalive idle time. 0: off.",
    example: "30s"
  }),
  "ssl.mode": derived("DB_SSL_MODE", choice(sslModes), {
    source: "from the URL, else `require`; `disable` for a loopback host; `verify-full` for `DB_SSL_ROOT_CERT=system`",
    meaning: "libpq's sslmode, with its meanings; `require` and above never fall back to plaintext.",
    example: "verify-full"
  }),
  "ssl.rootCert": optional("DB_SSL_ROOT_CERT", Texts.certificate, {
    source: "from the URL (`sslrootcert`)",
    meaning:
      "Root certificate: path of a PEM file, the PEM text itself, or `system`, which implies `verify-full`. " +
      "Supabase's is in Dashboard, Database settings, SSL.",
    example: "./prod-ca-2021.crt"
  }),
  "ssl.cert": optional("DB_SSL_CERT", Texts.certificate, {
    source: "from the URL (`sslcert`)",
    meaning: "Client certificate: path of a PEM file, or the PEM text itself. Needs `DB_SSL_KEY`.",
    example: "./client.crt"
  }),
  "ssl.key": optional("DB_SSL_KEY", Texts.privateKey, {
    source: "from the URL (`sslkey`)",
    meaning: "Private key of the client certificate: path of a PEM file, or the PEM text itself. Redacted everywhere.",
    example: "./client.key"
  }),
  "ssl.passphrase": optional("DB_SSL_KEY_PASSPHRASE", Texts.passphrase, {
    source: "from the URL (`sslpassword`)",
    meaning: "Passphrase of the private key. Redacted everywhere.",
    example: "<passphrase>"
  }),
  "ssl.serverName": optional("DB_SSL_SERVER_NAME", Texts.serverName, {
    source: "the host",
    meaning: "Name sent to the server (SNI) and, under `verify-full`, expected in its certificate.",
    example: "db.example.com"
  }),
  applicationName: fixed("DB_APPLICATION_NAME", Texts.applicationName, {
    literal: "effect-supavisor",
    meaning: "The sessions' name in `pg_stat_activity`: at most 63 characters of printable ASCII.",
    example: "billing-agent"
  }),
  searchPath: optional("DB_SEARCH_PATH", Texts.searchPath, {
    source: "the server's",
    meaning: "Applied by SQL after the login, never in the startup packet.",
    example: "app, public"
  }),
  startup: fixed("DB_STARTUP", choice(["tolerant", "fail-fast", "lazy"]), {
    literal: "tolerant",
    meaning:
      "`tolerant`: wrong settings or credentials fail the start, a transient failure is logged and retried; " +
      "`fail-fast`: any failure of the first session fails the start; `lazy`: the start waits for no session.",
    example: "fail-fast"
  }),
  poolName: optional("DB_POOL_NAME", Texts.poolName, {
    source: "`host:port/database`",
    meaning: "The pool's name in metrics (OpenTelemetry's `db.client.connection.pool.name`).",
    example: "billing"
  }),
  "http.host": fixed("HTTP_HOST", Texts.bindHost, {
    literal: "127.0.0.1",
    meaning: "Address of the operations server.",
    example: "0.0.0.0"
  }),
  "http.port": fixed("HTTP_PORT", integer(0, highestPort), {
    // fixed, so that probes and bookmarks stay valid; not a port that applications and exporters commonly use
    literal: "8321",
    meaning: "Port of the operations server. 0: any free port.",
    example: "8321"
  }),
  "http.token": optional("HTTP_TOKEN", Texts.token, {
    source: "none",
    meaning:
      "Token for the page, `/events` and `/status` when `HTTP_HOST` is not loopback: sent as `Authorization: Bearer`, " +
      "or entered on the sign-in page. At least 16 characters. Redacted everywhere.",
    example: "<openssl-rand-base64-24>"
  }),
  logFormat: optional("LOG_FORMAT", choice(["pretty", "json"]), {
    source: "chosen by the program",
    meaning: "Log lines for a person (`pretty`) or one JSON object per line (`json`).",
    example: "json"
  })
}

type Fields = typeof fields

/** The path of a setting in `SettingsInput`. */
export type FieldKey = keyof Fields

/** The value of a setting. */
export type FieldValue<K extends FieldKey> = Fields[K] extends Field<infer A, infer _I, infer _K> ? A : never

/** What code may give for a setting. */
type FieldInput<K extends FieldKey> = Fields[K] extends Field<infer _A, infer I, infer _K> ? I : never

/** The value of a setting once the settings are complete. */
type Completed<K extends FieldKey> =
  Fields[K] extends Field<infer A, infer _I, infer Kind> ? A | (Kind extends "optional" ? undefined : never) : never

type SizingKey = { [K in FieldKey]: Fields[K] extends Field<infer _A, infer _I, "sizing"> ? K : never }[FieldKey]

type Single<K extends FieldKey> = K extends `${string}.${string}` ? never : K

type Group = FieldKey extends infer K ? (K extends `${infer G}.${string}` ? G : never) : never

type NameIn<K extends FieldKey, G extends Group> = K extends `${G}.${infer Name}` ? Name : never

/** Every setting as code may give it. */
export type FieldInputs = {
  readonly [K in FieldKey as Single<K>]?: FieldInput<K> | undefined
} & {
  readonly [G in Group]?: { readonly [K in FieldKey as NameIn<K, G>]?: FieldInput<K> | undefined } | undefined
}

/** Every setting once the settings are complete. */
export type CompletedFields = {
  readonly [K in FieldKey as Single<K>]: Completed<K>
} & {
  readonly [G in Group]: { readonly [K in Exclude<FieldKey, SizingKey> as NameIn<K, G>]: Completed<K> }
}

/** The settings that were given. An absent one gets its default; one that is undefined was turned off. */
export type Values = { readonly [K in FieldKey]?: FieldValue<K> }

export const fieldKeys = Object.keys(fields) as ReadonlyArray<FieldKey>

/** The reader of a setting, for values of any type. */
export const readerOf = <K extends FieldKey>(key: K): Reader<FieldValue<K>, unknown> =>
  fields[key].reader as unknown as Reader<FieldValue<K>, unknown>

/** What code gave for a setting; undefined when it gave nothing. */
export const inputOf = (input: FieldInputs, key: FieldKey): unknown => {
  const [first, name] = key.split(".") as [keyof FieldInputs, string | undefined]
  const value: unknown = input[first]
  if (name === undefined) return value
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined
}

/** Completes the settings with the defaults of the table; values of settings of kind `derived` must all be there. */
export const complete = (values: Values): CompletedFields => {
  const completed: Record<string, unknown> = {}
  for (const key of fieldKeys) {
    const { kind, literal } = fields[key]
    if (kind === "sizing") continue
    const value =
      literal === undefined || Object.hasOwn(values, key)
        ? values[key]
        : Result.getOrThrow<unknown, unknown>(readerOf(key).fromText(literal))
    const [group, name] = key.split(".") as [string, string | undefined]
    if (name === undefined) completed[key] = value
    else completed[group] = Object.assign(completed[group] ?? {}, { [name]: value })
  }
  return completed as unknown as CompletedFields
}
