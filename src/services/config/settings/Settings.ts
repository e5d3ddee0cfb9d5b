/** The settings of a session pool: complete, and as an application gives them. */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { ConnectionString } from "../ConnectionString.ts"
import type { CompletedFields, FieldInputs, FieldValue } from "./Fields.ts"

/** The kind of server that sessions lead to; it decides what a session keeps between statements. */
export type ConnectionType = FieldValue<"connectionType">

/**
 * How the first session affects the start.
 *
 * `tolerant`: configuration and authentication failures of the first session fail the layer, a transient one is logged
 * and retried. `fail-fast`: any failure of the first session fails the layer. `lazy`: the layer waits for no session.
 */
export type Startup = FieldValue<"startup">

/** The `ssl.rootCert` for the public authorities, as in libpq 16: implies `verify-full` and refuses weaker modes. */
export const SYSTEM_ROOTS = "system"

/** How log lines are written: for a person, or one JSON object per line. */
export type LogFormat = FieldValue<"logFormat">

/** The effect that gives the password failed; the error catalogue has an entry for its code. */
export class PasswordUnavailable extends Data.Error<{ readonly message: string }> {
  readonly code = "PASSWORD_UNAVAILABLE"
}

/** Every setting, checked and completed: nothing further has a default. */
export interface Settings extends CompletedFields {
  /** Undefined only for the type `embedded` before its server has started. */
  readonly connection: ConnectionString | undefined
  /** The variable that named the database, or `code`, or `embedded`. */
  readonly source: string
  readonly pool: CompletedFields["pool"] & {
    /** How `min` and `max` were derived, as sentences. */
    readonly reasoning: ReadonlyArray<string>
  }
  /** Further server parameters given from code, applied by SQL and verified. Empty under `supavisor_transaction`. */
  readonly sessionSettings: Readonly<Record<string, string>>
  /** Whether named prepared statements may be used: false under `supavisor_transaction`. */
  readonly prepare: boolean
  /** Evaluated for the password of each login; undefined when `connection` holds the password, or none is needed. */
  readonly passwordProvider: Effect.Effect<Redacted.Redacted<string>, PasswordUnavailable> | undefined
  /** Decisions that were made while the settings were read. */
  readonly notes: ReadonlyArray<string>
  /** Combinations that are accepted, but will probably cause trouble. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * The settings as an application gives them: all optional, same names and same defaults as the variables.
 *
 * Durations are Effect's `Duration.Input`, so a bare number is **milliseconds** here, while in the environment it is
 * seconds. `0` turns off `keepAlive`, `monitorInterval` and `pool.leakThreshold`. An unknown key is an error.
 */
export interface SettingsInput extends FieldInputs {
  /** A libpq URI, plain or redacted, or one that is parsed already. Not together with `host`. */
  readonly url?: string | Redacted.Redacted<string> | ConnectionString | undefined
  /** A name, an address, or the directory of a Unix socket, which starts with `/`. */
  readonly host?: string | undefined
  /** Default 5432. */
  readonly port?: number | undefined
  /** Default `postgres`. */
  readonly database?: string | undefined
  /** As sent on the wire, `ROLE.REF` for a Supabase pooler. Default `postgres`. */
  readonly username?: string | undefined
  /**
   * The password, or an effect that is evaluated for each login, as short-lived tokens need it.
   *
   * A failed effect fails that login with a `SessionError` of code `PASSWORD_UNAVAILABLE`. With `url` only when the
   * URL holds no password.
   */
  readonly password?: string | Redacted.Redacted<string> | Effect.Effect<Redacted.Redacted<string>, unknown> | undefined
  /** Further server parameters, such as `work_mem`, applied by SQL after the login and verified. */
  readonly sessionSettings?: Readonly<Record<string, string>> | undefined
  /** Default true, except under `supavisor_transaction`, where true is refused. */
  readonly prepare?: boolean | undefined
}
