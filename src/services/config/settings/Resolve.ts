/** Completes given values and a target to settings, or reports every problem at once. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type ConnectionString, redact, type SslMode } from "../ConnectionString.ts"
import { readStartupOptions } from "../connection-string/StartupOptions.ts"
import { resolve as resolveSizing } from "../PoolSizing.ts"
import { SessionError } from "../../errors/SessionError.ts"
import { given } from "../../errors/Wording.ts"
import { exposureNote } from "./Exposure.ts"
import { complete, type FieldKey, fields, readerOf, type Values } from "./Fields.ts"
import { displayed, hidden, type Problem } from "./Problem.ts"
import type { ValueProblem } from "./Reader.ts"
import { type Naming, problemsBetween, warningsBetween } from "./Rules.ts"
import { type Settings, SYSTEM_ROOTS } from "./Settings.ts"
import { sentencesOf, type Target } from "./Target.ts"

/** Settings as they were read from code or from the environment, before the defaults. */
export interface ReadSettings {
  readonly values: Values
  /** Settings whose value was refused: they are named in `problems` and not checked further. */
  readonly refused: ReadonlySet<FieldKey>
  readonly problems: ReadonlyArray<Problem>
  readonly warnings: ReadonlyArray<string>
  readonly target: Target
  readonly naming: Naming
  /** Texts that must not be shown in a message. */
  readonly secrets: ReadonlyArray<string>
  readonly sessionSettings: Readonly<Record<string, string>>
  readonly passwordProvider: Settings["passwordProvider"]
  readonly prepare: boolean | undefined
}

const poolNameOf = ({ database, host, port }: ConnectionString): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}/${database}`

/** A problem for a refused value; the example of the setting is shown when nothing better is known. */
const problemOf = (
  key: FieldKey,
  name: string,
  received: unknown,
  secrets: ReadonlyArray<string>,
  { expected, remedy }: ValueProblem
): Problem => ({
  name,
  received: secretKeys.has(key) ? hidden : displayed(received, secrets),
  expected,
  ...(remedy === undefined ? { example: fields[key].example } : { remedy })
})

/** Settings whose values are never shown, not even when they are refused. */
const secretKeys: ReadonlySet<FieldKey> = new Set(["http.token", "ssl.key", "ssl.passphrase"])

/** Reads the values that were given, from code or as texts; a refused value becomes a problem. */
export const readValues = (
  given: ReadonlyArray<readonly [key: FieldKey, name: string, received: unknown]>,
  from: "fromCode" | "fromText",
  secrets: ReadonlyArray<string>
): Pick<ReadSettings, "values" | "refused" | "problems"> => {
  const values: { [K in FieldKey]?: unknown } = {}
  const refused = new Set<FieldKey>()
  const problems: Array<Problem> = []
  for (const [key, name, received] of given) {
    if (received === undefined) continue
    const result = readerOf(key)[from](received as string)
    if (Result.isSuccess(result)) values[key] = result.success
    else {
      refused.add(key)
      problems.push(problemOf(key, name, received, secrets, result.failure))
    }
  }
  return { values: values as Values, refused, problems }
}

/** A timeout in the server's spelling, where a bare number is milliseconds. */
const serverMillis = (text: string | undefined): string | undefined => text?.trim().replace(/^\d+(?:\.\d+)?$/, "$&ms")

/** The settings that the connection string holds, read as strictly as the settings themselves. */
const fromUrl = ({ secrets, target }: ReadSettings): Pick<ReadSettings, "values" | "problems"> => {
  const { connection, source } = target
  if (connection === undefined) return { values: {}, problems: [] }
  const name = source === "code" ? "url" : source
  const seconds = connection.connectTimeoutSeconds
  const options = readStartupOptions(connection.options)
  const given: ReadonlyArray<readonly [key: FieldKey, parameter: string, text: string | undefined]> = [
    ["ssl.mode", "sslmode", connection.sslMode],
    ["ssl.rootCert", "sslrootcert", connection.sslRootCert],
    ["ssl.cert", "sslcert", connection.sslCert],
    ["ssl.key", "sslkey", connection.sslKey],
    ["ssl.passphrase", "sslpassword", connection.sslPassword && Redacted.value(connection.sslPassword)],
    ["applicationName", "application_name", connection.applicationName ?? options.get("application_name")],
    ["statementTimeout", "options", serverMillis(options.get("statement_timeout"))],
    ["idleInTransactionTimeout", "options", serverMillis(options.get("idle_in_transaction_session_timeout"))],
    ["searchPath", "search_path", connection.searchPath],
    ["connectTimeout", "connect_timeout", seconds === undefined ? undefined : `${seconds}s`]
  ]
  const named = given.map(([key, parameter, text]) => [key, `${name} (${parameter})`, text] as const)
  return readValues(named, "fromText", secrets)
}

const defaultSslMode = (connection: ConnectionString | undefined, rootCert: string | undefined): SslMode => {
  if (rootCert === SYSTEM_ROOTS) return "verify-full"
  return connection === undefined || connection.kind === "loopback" ? "disable" : "require"
}

/** Whether sessions go over a Unix socket, on which PostgreSQL has no TLS (PostgreSQL docs, libpq-ssl). */
const isUnixSocket = (connection: ConnectionString | undefined): boolean => connection?.host.startsWith("/") === true

/** The settings that the connection cannot honour. */
const dropped = (findings: ReadSettings, searchPath: string | undefined): ReadonlyArray<string> => {
  const { naming, sessionSettings, target, values } = findings
  const parameters = Object.keys(sessionSettings)
  const mode = values["ssl.mode"]
  const isTransaction = target.connectionType === "supavisor_transaction"
  const lasts = "under supavisor_transaction no setting outlives its transaction."
  const withoutTls =
    target.connectionType === "embedded"
      ? "the embedded server listens on loopback without TLS"
      : isUnixSocket(target.connection)
        ? "a Unix socket has no TLS"
        : undefined
  return given([
    isTransaction && searchPath !== undefined && `${naming("searchPath")} is ignored: ${lasts}`,
    isTransaction && parameters.length > 0 && `sessionSettings (${parameters.join(", ")}) are ignored: ${lasts}`,
    withoutTls !== undefined &&
      mode !== undefined &&
      mode !== "disable" &&
      `${naming("ssl.mode")} ${mode} is ignored: ${withoutTls}.`
  ])
}

/** Completes the settings. Fails with every problem: of single values, of the target, and between settings. */
export const resolveSettings = (findings: ReadSettings): Result.Result<Settings, SessionError> => {
  const { naming, passwordProvider, prepare, refused, sessionSettings, target } = findings
  const { connection, connectionType } = target
  const url = fromUrl(findings)
  const values: Values = { ...url.values, ...findings.values }
  const isTransaction = connectionType === "supavisor_transaction"
  const size = resolveSizing({
    agentSize: values["pool.agentSize"],
    concurrentOperations: values["pool.concurrentOperations"],
    min: values["pool.min"],
    max: values["pool.max"]
  })
  const completed = complete({
    ...values,
    connectionType,
    "pool.min": size.min,
    "pool.max": size.max,
    "ssl.mode": values["ssl.mode"] ?? defaultSslMode(connection, values["ssl.rootCert"])
  })
  const hasTls = connectionType !== "embedded" && !isUnixSocket(connection)
  const draft: Settings = {
    ...completed,
    connection,
    source: target.source,
    poolName: completed.poolName ?? (connection === undefined ? undefined : poolNameOf(connection)),
    pool: { ...completed.pool, reasoning: size.reasoning },
    ssl: hasTls ? completed.ssl : { ...withoutCertificates, mode: "disable" },
    searchPath: isTransaction ? undefined : completed.searchPath,
    sessionSettings: isTransaction ? {} : { ...sessionSettings },
    prepare: !isTransaction && prepare !== false,
    passwordProvider,
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
  // the sizing's own warnings assume a pooler; the rules report the same by variable, and only behind a pooler
  const warnings = [
    ...target.warnings,
    ...findings.warnings,
    ...dropped(findings, values.searchPath),
    ...warningsBetween(draft, naming)
  ]
  // a password that was set as a host or a name by mistake would be shown
  const withoutSecrets = (text: string): string => redact(text, findings.secrets)
  const notes = [...draft.notes, exposureNote(draft, naming) ?? []].flat()
  return Result.succeed({ ...draft, notes: notes.map(withoutSecrets), warnings: warnings.map(withoutSecrets) })
}

const withoutCertificates = {
  rootCert: undefined,
  cert: undefined,
  key: undefined,
  passphrase: undefined,
  serverName: undefined
}

/**
 * The settings with the connection of an embedded server that has started.
 *
 * Sets the pool's name if none was given, and takes TLS settings and notes from the connection.
 */
export const withConnection = (settings: Settings, connection: ConnectionString): Settings => ({
  ...settings,
  connection,
  poolName: settings.poolName ?? poolNameOf(connection),
  ssl: {
    ...settings.ssl,
    mode: connection.sslMode ?? settings.ssl.mode,
    rootCert: connection.sslRootCert ?? settings.ssl.rootCert
  },
  notes: [...settings.notes, ...connection.notes.map(sentencesOf)]
})
