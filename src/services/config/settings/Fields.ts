/**
 * Every setting with its variable, its reader, its default and its meaning: the one table behind them all.
 *
 * The keys are the paths in `SettingsInput`. A default is written as a person would write it in the environment and
 * read by the same reader.
 */
import * as Result from "effect/Result"
import { choice, duration, integer, type Reader } from "./Reader.ts"
import * as Texts from "./TextFields.ts"

/** One setting. `literal` is the default where it is a fixed value, `derived` says where it comes from otherwise. */
export interface Field<A> {
  readonly variable: string
  readonly reader: Reader<A>
  readonly literal?: string
  readonly derived?: string
  readonly meaning: string
  readonly example: string
}

const field = <A>(definition: Field<A>): Field<A> => definition

/** Twice the largest `max_connections` that Supabase sells (500), so a larger number is a slip. */
const mostSessions = 1000

/** The operations whose pool (1.2 times as many) still stays within that bound. */
const mostOperations = 833

/** A million waiters hold hundreds of megabytes: a queue beyond that hides an outage. */
const longestQueue = 1_000_000

/** As many statements as sql-pg's own pipelining has on one connection at the most; more only wait behind each other. */
const deepestPipeline = 128

const highestPort = 65_535

export const fields = {
  connectionType: field({
    variable: "DB_CONNECTION_TYPE",
    reader: choice(["supavisor_session", "supavisor_transaction", "direct", "embedded"]),
    derived: "`supavisor_session` when a URL is set, else `embedded`",
    meaning:
      "What stands at the other end: `supavisor_session`, `supavisor_transaction`, `direct` or `embedded`. " +
      "Port 6543 under `supavisor_session` is refused; `supavisor_transaction` switches off named prepared " +
      "statements, session settings and LISTEN. A fallback URL to another host is taken as `direct`, and that is said.",
    example: "supavisor_session"
  }),
  "pool.agentSize": field({
    variable: "DB_AGENT_SIZE",
    reader: choice(["small", "medium", "large"]),
    literal: "small",
    meaning: "Size class of the pool: small 2/5, medium 5/15, large 10/30 sessions (min/max).",
    example: "medium"
  }),
  "pool.concurrentOperations": field({
    variable: "DB_CONCURRENT_OPERATIONS",
    reader: integer(1, mostOperations),
    derived: "none",
    meaning: "Operations at the same time; max = ceil(operations x 1.2). Wins over the size class.",
    example: "12"
  }),
  "pool.min": field({
    variable: "DB_POOL_MIN",
    reader: integer(0, mostSessions),
    derived: "from the size",
    meaning: "Sessions kept open without traffic.",
    example: "2"
  }),
  "pool.max": field({
    variable: "DB_POOL_MAX",
    reader: integer(1, mostSessions),
    derived: "from the size",
    meaning:
      "Sessions at most, counted from dial to close. Keep the sum of all processes under the pooler's pool size.",
    example: "10"
  }),
  "pool.idleTimeout": field({
    variable: "DB_POOL_IDLE_TIMEOUT",
    reader: duration("refused"),
    literal: "300s",
    meaning: "An unused session above the minimum is closed after this long.",
    example: "5m"
  }),
  connectTimeout: field({
    variable: "DB_CONNECT_TIMEOUT",
    reader: duration("refused"),
    literal: "10s",
    meaning: "One dial, from DNS to the first answered round trip. `connect_timeout` of the URL is the second choice.",
    example: "10s"
  }),
  statementTimeout: field({
    variable: "DB_STATEMENT_TIMEOUT",
    reader: duration("refused"),
    literal: "30s",
    meaning: "One statement; applied and verified on the server, and watched on the client.",
    example: "30s"
  }),
  idleInTransactionTimeout: field({
    variable: "DB_IDLE_IN_TRANSACTION_TIMEOUT",
    reader: duration("refused"),
    literal: "60s",
    meaning: "A transaction that sends nothing; applied and verified on the server.",
    example: "60s"
  }),
  "pool.maxLifetime": field({
    variable: "DB_CONNECTION_MAX_LIFETIME",
    reader: duration("refused"),
    literal: "30m",
    meaning: "A session is replaced at this age, less up to 10 % jitter.",
    example: "30m"
  }),
  "pool.acquireTimeout": field({
    variable: "DB_POOL_ACQUIRE_TIMEOUT",
    reader: duration("refused"),
    literal: "30s",
    meaning: "How long a caller waits for a session.",
    example: "5s"
  }),
  "pool.maxWaiting": field({
    variable: "DB_POOL_MAX_WAITING",
    reader: integer(1, longestQueue),
    literal: "1000",
    meaning: "Callers waiting at the same time; the next one is refused at once.",
    example: "200"
  }),
  "pool.pipeline": field({
    variable: "DB_POOL_PIPELINE",
    reader: integer(0, deepestPipeline),
    literal: "0",
    meaning:
      "How many quick statements that stand alone may share a session at once, in one write. 0: each has its own.",
    example: "32"
  }),
  "pool.leakThreshold": field({
    variable: "DB_LEAK_THRESHOLD",
    reader: duration("off"),
    // twice the default statement timeout: a single statement, however slow, is no leak
    literal: "60s",
    meaning: "A session held for longer is reported with its holder. 0: off.",
    example: "2m"
  }),
  healthCheckInterval: field({
    variable: "DB_HEALTH_CHECK_INTERVAL",
    reader: duration("refused"),
    literal: "30s",
    meaning: "Between two looks at the health of pool and idle sessions.",
    example: "30s"
  }),
  monitorInterval: field({
    variable: "DB_MONITOR_INTERVAL",
    reader: duration("off"),
    literal: "30s",
    meaning: "Between two looks at the database's own connections and limits, one short statement each. 0: off.",
    example: "1m"
  }),
  shutdownTimeout: field({
    variable: "DB_SHUTDOWN_TIMEOUT",
    reader: duration("refused"),
    literal: "20s",
    meaning: "The whole drain; keep it under the grace period of the platform (Kubernetes: 30 s).",
    example: "20s"
  }),
  keepAlive: field({
    variable: "DB_KEEP_ALIVE",
    reader: duration("off"),
    literal: "30s",
    meaning: "TCP keepalive idle time. 0: off.",
    example: "30s"
  }),
  "ssl.mode": field({
    variable: "DB_SSL_MODE",
    reader: choice(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
    derived: "from the URL, else `require`; `disable` for a loopback host",
    meaning: "libpq's sslmode, exactly; `require` and above never fall back to plaintext.",
    example: "verify-full"
  }),
  "ssl.rootCert": field({
    variable: "DB_SSL_ROOT_CERT",
    reader: Texts.rootCertificate,
    derived: "from the URL",
    meaning:
      "Root certificate: path of a PEM file, or the PEM text itself. " +
      "Supabase's is in Dashboard, Database settings, SSL.",
    example: "./prod-ca-2021.crt"
  }),
  applicationName: field({
    variable: "DB_APPLICATION_NAME",
    reader: Texts.applicationName,
    literal: "effect-supavisor",
    meaning: "How `pg_stat_activity` calls the sessions: at most 63 characters of printable ASCII.",
    example: "billing-agent"
  }),
  searchPath: field({
    variable: "DB_SEARCH_PATH",
    reader: Texts.searchPath,
    derived: "the server's",
    meaning: "Applied by SQL after the login, never in the startup packet.",
    example: "app, public"
  }),
  startup: field({
    variable: "DB_STARTUP",
    reader: choice(["tolerant", "fail-fast", "lazy"]),
    literal: "tolerant",
    meaning:
      "`tolerant`: wrong settings or credentials fail the start, a transient failure is said and retried; " +
      "`fail-fast`: any failure of the first session fails the start; `lazy`: no session is waited for.",
    example: "fail-fast"
  }),
  poolName: field({
    variable: "DB_POOL_NAME",
    reader: Texts.poolName,
    derived: "`host:port/database`",
    meaning: "The pool's name in metrics (OpenTelemetry's `db.client.connection.pool.name`).",
    example: "billing"
  }),
  "http.host": field({
    variable: "HTTP_HOST",
    reader: Texts.bindHost,
    literal: "127.0.0.1",
    meaning: "Address of the operations server.",
    example: "0.0.0.0"
  }),
  "http.port": field({
    variable: "HTTP_PORT",
    reader: integer(0, highestPort),
    // fixed, so that probes and bookmarks stay valid; clear of the ports applications and exporters commonly take
    literal: "8321",
    meaning: "Port of the operations server. 0: any free port.",
    example: "8321"
  }),
  "http.token": field({
    variable: "HTTP_TOKEN",
    reader: Texts.token,
    derived: "none",
    meaning:
      "What opens the page, `/events` and `/status` when `HTTP_HOST` is not loopback: sent as `Authorization: Bearer`, " +
      "or given to the sign-in page. At least 16 characters. Redacted everywhere.",
    example: "<openssl-rand-base64-24>"
  }),
  logFormat: field({
    variable: "LOG_FORMAT",
    reader: choice(["pretty", "json"]),
    derived: "chosen by the program",
    meaning: "Log lines for a person (`pretty`) or one JSON object per line (`json`).",
    example: "json"
  })
}

/** The path of a setting in `SettingsInput`. */
export type FieldKey = keyof typeof fields

/** What a setting holds once it is read. */
export type FieldValue<K extends FieldKey> = (typeof fields)[K] extends Field<infer A> ? A : never

/** The settings that were given; whatever is absent takes its default. */
export type Values = { readonly [K in FieldKey]?: FieldValue<K> | undefined }

export const fieldKeys = Object.keys(fields) as ReadonlyArray<FieldKey>

/** The reader of a setting, with the type of what it reads. */
export const readerOf = <K extends FieldKey>(key: K): Reader<FieldValue<K>> =>
  (fields[key] as Field<unknown>).reader as Reader<FieldValue<K>>

/** The given value, else the default of a setting whose default is a fixed value. */
export const valueOf = <K extends FieldKey>(values: Values, key: K): FieldValue<K> => {
  const given = values[key]
  if (given !== undefined) return given as FieldValue<K>
  return Result.getOrThrow(readerOf(key).fromText(fields[key].literal ?? ""))
}
