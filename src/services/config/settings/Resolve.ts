/**
 * Given values and a place become complete settings, or every problem at once.
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type ConnectionString, redact, type SslMode } from "../ConnectionString.ts"
import { resolve as resolveSizing } from "../PoolSizing.ts"
import { SessionError } from "../../errors/SessionError.ts"
import { exposureNote } from "./Exposure.ts"
import { type FieldKey, fields, type FieldValue, readerOf, valueOf, type Values } from "./Fields.ts"
import { echo, type Problem } from "./Problem.ts"
import type { Refusal } from "./Reader.ts"
import { type Naming, problemsBetween, warningsBetween } from "./Rules.ts"
import type { Settings } from "./Settings.ts"
import { spoken, type Target } from "./Target.ts"

/** Everything a reader found out. */
export interface Findings {
  readonly values: Values
  /** Settings whose value was refused: they are named in `problems` and judged no further. */
  readonly refused: ReadonlySet<FieldKey>
  readonly problems: ReadonlyArray<Problem>
  readonly target: Target
  readonly naming: Naming
  /** What must not be shown in a message, although it appears in a value. */
  readonly secrets: ReadonlyArray<string>
  readonly sessionSettings: Readonly<Record<string, string>>
  readonly passwordProvider: Effect.Effect<Redacted.Redacted<string>> | undefined
  readonly prepare: boolean | undefined
}

const poolNameOf = ({ database, host, port }: ConnectionString): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}/${database}`

const unlessZero = (duration: Duration.Duration): Duration.Duration | undefined =>
  Duration.isZero(duration) ? undefined : duration

/** A problem for a refused value; the example of the setting is shown when nothing better is known. */
export const refusal = (key: FieldKey, name: string, received: string, { expected, remedy }: Refusal): Problem =>
  remedy === undefined
    ? { name, received, expected, example: fields[key].example }
    : { name, received, expected, remedy }

interface FromUrl {
  readonly values: Values
  readonly problems: ReadonlyArray<Problem>
}

/** What the connection string says about settings, read as strictly as the settings themselves. */
const fromUrl = ({ secrets, target }: Findings): FromUrl => {
  const { connection, source } = target
  if (connection === undefined) return { values: {}, problems: [] }
  const problems: Array<Problem> = []
  const read = <K extends FieldKey>(
    key: K,
    parameter: string,
    value: string | undefined
  ): FieldValue<K> | undefined => {
    if (value === undefined) return undefined
    const result = readerOf(key).fromText(value)
    if (Result.isSuccess(result)) return result.success
    problems.push(refusal(key, `${source} (${parameter})`, echo(value, secrets), result.failure))
    return undefined
  }
  const seconds = connection.connectTimeoutSeconds
  return {
    values: {
      "ssl.mode": connection.sslMode,
      "ssl.rootCert": read("ssl.rootCert", "sslrootcert", connection.sslRootCert),
      applicationName: read("applicationName", "application_name", connection.applicationName),
      searchPath: read("searchPath", "search_path", connection.searchPath),
      connectTimeout: read("connectTimeout", "connect_timeout", seconds === undefined ? undefined : `${seconds}s`)
    },
    problems
  }
}

const defaultSslMode = (connection: ConnectionString | undefined): SslMode =>
  connection === undefined || connection.kind === "loopback" ? "disable" : "require"

/** What the kind of session cannot keep, and what is said about it. */
const dropped = (findings: Findings, searchPath: string | undefined): ReadonlyArray<string> => {
  const { naming, sessionSettings, target, values } = findings
  const parameters = Object.keys(sessionSettings)
  const mode = values["ssl.mode"]
  return [
    ...(target.connectionType === "supavisor_transaction" && searchPath !== undefined
      ? [`${naming("searchPath")} is ignored: under supavisor_transaction no setting outlives its transaction.`]
      : []),
    ...(target.connectionType === "supavisor_transaction" && parameters.length > 0
      ? [
          `sessionSettings (${parameters.join(", ")}) are ignored: under supavisor_transaction no setting outlives its transaction.`
        ]
      : []),
    ...(target.connectionType === "embedded" && mode !== undefined && mode !== "disable"
      ? [`${naming("ssl.mode")} ${mode} is ignored: the embedded server listens on loopback without TLS.`]
      : [])
  ]
}

/** Completes the settings. Fails with every problem: of single values, of the place, and between settings. */
export const assemble = (findings: Findings): Result.Result<Settings, SessionError> => {
  const { naming, passwordProvider, prepare, refused, sessionSettings, target, values: given } = findings
  const url = fromUrl(findings)
  const values: Values = { ...url.values, ...withoutUndefined(given) }
  const isTransaction = target.connectionType === "supavisor_transaction"
  const isEmbedded = target.connectionType === "embedded"
  const sizing = resolveSizing({
    agentSize: values["pool.agentSize"],
    concurrentOperations: values["pool.concurrentOperations"],
    min: values["pool.min"],
    max: values["pool.max"]
  })
  const { connection } = target
  const draft: Settings = {
    connection,
    connectionType: target.connectionType,
    source: target.source,
    poolName: values.poolName ?? (connection === undefined ? undefined : poolNameOf(connection)),
    pool: {
      min: sizing.min,
      max: sizing.max,
      reasoning: sizing.reasoning,
      idleTimeout: valueOf(values, "pool.idleTimeout"),
      maxLifetime: valueOf(values, "pool.maxLifetime"),
      acquireTimeout: valueOf(values, "pool.acquireTimeout"),
      maxWaiting: valueOf(values, "pool.maxWaiting"),
      pipeline: valueOf(values, "pool.pipeline"),
      leakThreshold: unlessZero(valueOf(values, "pool.leakThreshold"))
    },
    connectTimeout: valueOf(values, "connectTimeout"),
    statementTimeout: valueOf(values, "statementTimeout"),
    idleInTransactionTimeout: valueOf(values, "idleInTransactionTimeout"),
    healthCheckInterval: valueOf(values, "healthCheckInterval"),
    monitorInterval: unlessZero(valueOf(values, "monitorInterval")),
    shutdownTimeout: valueOf(values, "shutdownTimeout"),
    keepAlive: unlessZero(valueOf(values, "keepAlive")),
    ssl: {
      mode: isEmbedded ? "disable" : (values["ssl.mode"] ?? defaultSslMode(connection)),
      rootCert: isEmbedded ? undefined : values["ssl.rootCert"]
    },
    applicationName: valueOf(values, "applicationName"),
    searchPath: isTransaction ? undefined : values.searchPath,
    sessionSettings: isTransaction ? {} : { ...sessionSettings },
    startup: valueOf(values, "startup"),
    prepare: !isTransaction && prepare !== false,
    passwordProvider,
    http: { host: valueOf(values, "http.host"), port: valueOf(values, "http.port"), token: values["http.token"] },
    logFormat: values.logFormat,
    notes: target.notes,
    warnings: []
  }
  const problems = [
    ...target.problems,
    ...findings.problems,
    ...url.problems,
    ...problemsBetween(draft, naming, refused)
  ]
  if (problems.length > 0) return Result.fail(SessionError.configurationInvalid(problems))
  // the sizing's own warnings assume a pooler; the rules say the same by variable, and only where there is one
  const warnings = [...target.warnings, ...dropped(findings, values.searchPath), ...warningsBetween(draft, naming)]
  // a password set as a host or a name by mistake would otherwise be quoted back
  const hush = (text: string): string => redact(text, findings.secrets)
  const notes = [...draft.notes, exposureNote(draft, naming) ?? []].flat()
  return Result.succeed({ ...draft, notes: notes.map(hush), warnings: warnings.map(hush) })
}

const withoutUndefined = (values: Values): Values =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

/**
 * The settings with the connection of a server that has started meanwhile.
 *
 * Fills in the pool's name where none was given and takes over what the connection says about itself.
 */
export const withConnection = (settings: Settings, connection: ConnectionString): Settings => ({
  ...settings,
  connection,
  poolName: settings.poolName ?? poolNameOf(connection),
  ssl: {
    mode: connection.sslMode ?? settings.ssl.mode,
    rootCert: connection.sslRootCert ?? settings.ssl.rootCert
  },
  notes: [...settings.notes, ...connection.notes.map(spoken)]
})
