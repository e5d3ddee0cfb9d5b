/**
 * The settings of a session pool, as the rest of the house reads them and as an application may write them.
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ConnectionString, SslMode } from "../ConnectionString.ts"
import type { AgentSize } from "../PoolSizing.ts"

/** What stands at the other end of a session, which decides what a session may rely on. */
export type ConnectionType = "supavisor_session" | "supavisor_transaction" | "direct" | "embedded"

/**
 * What the first session decides about the start.
 *
 * `tolerant`: configuration and authentication failures of the first session fail the layer, a transient one is said
 * and retried. `fail-fast`: any failure of the first session fails the layer. `lazy`: no session is waited for.
 */
export type Startup = "tolerant" | "fail-fast" | "lazy"

/** How log lines are written: for a person, or one JSON object per line. */
export type LogFormat = "pretty" | "json"

/** Every setting, checked and completed: nothing further has a default. */
export interface Settings {
  /** Undefined only for the type `embedded` before its server has started. */
  readonly connection: ConnectionString | undefined
  readonly connectionType: ConnectionType
  /** The variable that named the database, or `code`, or `embedded`. */
  readonly source: string
  /** Defaults to `host:port/database` (OpenTelemetry's `db.client.connection.pool.name`); undefined while the connection is. */
  readonly poolName: string | undefined
  readonly pool: {
    readonly min: number
    readonly max: number
    /** Why `min` and `max` are what they are, as sentences. */
    readonly reasoning: ReadonlyArray<string>
    readonly idleTimeout: Duration.Duration
    readonly maxLifetime: Duration.Duration
    readonly acquireTimeout: Duration.Duration
    readonly maxWaiting: number
    /** How many statements may share a session at once; 0 while each has its own. */
    readonly pipeline: number
    /** Undefined when leaks are not looked for. */
    readonly leakThreshold: Duration.Duration | undefined
  }
  readonly connectTimeout: Duration.Duration
  readonly statementTimeout: Duration.Duration
  readonly idleInTransactionTimeout: Duration.Duration
  readonly healthCheckInterval: Duration.Duration
  /** Undefined when the database is not looked at. */
  readonly monitorInterval: Duration.Duration | undefined
  readonly shutdownTimeout: Duration.Duration
  /** TCP keepalive idle time; undefined when keepalive is off. */
  readonly keepAlive: Duration.Duration | undefined
  readonly ssl: {
    readonly mode: SslMode
    /** PEM text, or the path of a file that holds it. */
    readonly rootCert: string | undefined
  }
  readonly applicationName: string
  /** Applied by SQL after the login, never in the startup packet. */
  readonly searchPath: string | undefined
  /** Further server parameters given from code, applied by SQL and verified. Empty under `supavisor_transaction`. */
  readonly sessionSettings: Readonly<Record<string, string>>
  readonly startup: Startup
  /** Whether named prepared statements may be used: false under `supavisor_transaction`. */
  readonly prepare: boolean
  /** Asked for a password at each login, from code only. */
  readonly passwordProvider: Effect.Effect<Redacted.Redacted<string>> | undefined
  readonly http: {
    readonly host: string
    readonly port: number
    /** What a reader of the operations server has to show when `host` is not loopback; undefined when none is set. */
    readonly token: Redacted.Redacted<string> | undefined
  }
  readonly logFormat: LogFormat | undefined
  /** What was decided or left out, and why. */
  readonly notes: ReadonlyArray<string>
  /** What works but will probably hurt. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * The settings as an application gives them: all optional, same names and same defaults as the variables.
 *
 * Durations are Effect's `Duration.Input`, so a bare number is **milliseconds** here, while in the environment it is
 * seconds. `0` turns off `keepAlive`, `monitorInterval` and `pool.leakThreshold`.
 */
export interface SettingsInput {
  /** A libpq URI, plain or redacted, or one that is parsed already. Not together with `host`. */
  readonly url?: string | Redacted.Redacted<string> | ConnectionString | undefined
  readonly host?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
  /** Default `postgres`. */
  readonly database?: string | undefined
  /** As sent on the wire, `ROLE.REF` for a Supabase pooler. Default `postgres`. */
  readonly username?: string | undefined
  readonly password?: string | Redacted.Redacted<string> | undefined
  readonly passwordProvider?: Effect.Effect<Redacted.Redacted<string>> | undefined
  /** Default: what the host says; `embedded` without `url` and `host`. */
  readonly connectionType?: ConnectionType | undefined
  readonly poolName?: string | undefined
  readonly pool?:
    | {
        readonly agentSize?: AgentSize | undefined
        readonly concurrentOperations?: number | undefined
        readonly min?: number | undefined
        readonly max?: number | undefined
        readonly idleTimeout?: Duration.Input | undefined
        readonly maxLifetime?: Duration.Input | undefined
        readonly acquireTimeout?: Duration.Input | undefined
        readonly maxWaiting?: number | undefined
        readonly pipeline?: number | undefined
        readonly leakThreshold?: Duration.Input | undefined
      }
    | undefined
  readonly connectTimeout?: Duration.Input | undefined
  readonly statementTimeout?: Duration.Input | undefined
  readonly idleInTransactionTimeout?: Duration.Input | undefined
  readonly healthCheckInterval?: Duration.Input | undefined
  readonly monitorInterval?: Duration.Input | undefined
  readonly shutdownTimeout?: Duration.Input | undefined
  readonly keepAlive?: Duration.Input | undefined
  readonly ssl?:
    | {
        readonly mode?: SslMode | undefined
        readonly rootCert?: string | undefined
      }
    | undefined
  readonly applicationName?: string | undefined
  readonly searchPath?: string | undefined
  readonly sessionSettings?: Readonly<Record<string, string>> | undefined
  readonly startup?: Startup | undefined
  /** Default true, except under `supavisor_transaction`, where true is refused. */
  readonly prepare?: boolean | undefined
  readonly http?:
    | {
        readonly host?: string | undefined
        readonly port?: number | undefined
        readonly token?: string | Redacted.Redacted<string> | undefined
      }
    | undefined
  readonly logFormat?: LogFormat | undefined
}
