/**
 * Settings out of an application's code: typed fields.
 */
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type ConnectionString, format, make, parse, secretsOf } from "../ConnectionString.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import { assemble, refusal } from "./Resolve.ts"
import { type FieldKey, fieldKeys, readerOf, type Values } from "./Fields.ts"
import { echo, type Problem } from "./Problem.ts"
import { integer } from "./Reader.ts"
import { problemsOfSessionSettings } from "./SessionSettings.ts"
import type { Settings, SettingsInput } from "./Settings.ts"
import { decide, embedded, missing, type Target, unreadable } from "./Target.ts"

const given = (input: SettingsInput): Record<FieldKey, unknown> => ({
  connectionType: input.connectionType,
  "pool.agentSize": input.pool?.agentSize,
  "pool.concurrentOperations": input.pool?.concurrentOperations,
  "pool.min": input.pool?.min,
  "pool.max": input.pool?.max,
  "pool.idleTimeout": input.pool?.idleTimeout,
  connectTimeout: input.connectTimeout,
  statementTimeout: input.statementTimeout,
  idleInTransactionTimeout: input.idleInTransactionTimeout,
  "pool.maxLifetime": input.pool?.maxLifetime,
  "pool.acquireTimeout": input.pool?.acquireTimeout,
  "pool.maxWaiting": input.pool?.maxWaiting,
  "pool.pipeline": input.pool?.pipeline,
  "pool.leakThreshold": input.pool?.leakThreshold,
  healthCheckInterval: input.healthCheckInterval,
  monitorInterval: input.monitorInterval,
  shutdownTimeout: input.shutdownTimeout,
  keepAlive: input.keepAlive,
  "ssl.mode": input.ssl?.mode,
  "ssl.rootCert": input.ssl?.rootCert,
  applicationName: input.applicationName,
  searchPath: input.searchPath,
  startup: input.startup,
  poolName: input.poolName,
  "http.host": input.http?.host,
  "http.port": input.http?.port,
  "http.token": input.http?.token,
  logFormat: input.logFormat
})

const source = "code"
const typeName = "connectionType"

type Place =
  | { readonly _tag: "None"; readonly problems: ReadonlyArray<Problem> }
  | { readonly _tag: "Known"; readonly name: string; readonly connection: ConnectionString }
  | {
      readonly _tag: "Unreadable"
      readonly name: string
      readonly said: ReadonlyArray<{ readonly message: string; readonly remedy: string }>
    }

const highestPort = 65_535
const port = integer(1, highestPort)

/**
 * Reads a connection string whose password comes from elsewhere: a stand-in takes its place while it is read, because
 * a pooler's string without a password is refused otherwise.
 */
const withoutPassword = (text: string): ConnectionString | undefined => {
  const parsed = parse(text.replace("@", ":unset@"))
  return Result.isSuccess(parsed) ? { ...parsed.success, password: undefined } : undefined
}

const read = (name: string, text: string, input: SettingsInput): Place => {
  const parsed = parse(text)
  if (Result.isSuccess(parsed)) return { _tag: "Known", name, connection: parsed.success }
  const said = parsed.failure.filter(({ code }) => input.passwordProvider === undefined || code !== "missing-password")
  const connection = said.length === 0 ? withoutPassword(text) : undefined
  return connection === undefined
    ? { _tag: "Unreadable", name, said: said.length === 0 ? parsed.failure : said }
    : { _tag: "Known", name, connection }
}

const placeOf = (input: SettingsInput): Place => {
  const { database, host, password, url, username } = input
  const parts = Object.entries({ host, port: input.port, database, username, password }).flatMap(([name, value]) =>
    value === undefined ? [] : [name]
  )
  if (url !== undefined) {
    if (parts.length > 0) {
      const problems = parts.map((name) => ({
        name,
        received: "given",
        expected: "must not be given together with url"
      }))
      return { _tag: "None", problems }
    }
    if (Predicate.isString(url)) return read("url", url, input)
    return Redacted.isRedacted(url)
      ? read("url", String(Redacted.value(url)), input)
      : { _tag: "Known", name: "url", connection: url }
  }
  if (parts.length === 0) return { _tag: "None", problems: [] }
  if (host === undefined || host.trim() === "") {
    const problem = { name: "host", received: undefined, expected: `a host name, because ${parts.join(", ")} is given` }
    return { _tag: "None", problems: [problem] }
  }
  const checked = input.port === undefined ? Result.succeed<number | undefined>(undefined) : port.fromCode(input.port)
  if (Result.isFailure(checked)) {
    return { _tag: "None", problems: [{ name: "port", received: String(input.port), ...checked.failure }] }
  }
  const connection = make({ host, port: checked.success, database, username, password })
  // written and read again, because the reading finds what is wrong or missing
  return read("host", format(connection, { showPassword: true }), input)
}

const targetOf = (input: SettingsInput, place: Place, typeRefused: boolean): Target => {
  const type = typeRefused ? undefined : input.connectionType
  if (type === "embedded") {
    return embedded(
      place._tag === "None" ? [] : [`${place.name} is given and ignored, because ${typeName} is embedded.`]
    )
  }
  switch (place._tag) {
    case "None":
      return type === undefined || place.problems.length > 0
        ? { ...embedded([]), problems: place.problems }
        : missing("url", source, typeName, type)
    case "Unreadable":
      return unreadable(place.said, place.name, source, type)
    case "Known": {
      const { connection, name } = place
      const decided = decide({ connection, name, source, typeName, type, assumed: undefined })
      return typeRefused ? { ...decided, problems: [] } : decided
    }
  }
}

const secretsFrom = (input: SettingsInput, place: Place): ReadonlyArray<string> => {
  const { password, url } = input
  const texts = [password, input.http?.token, place._tag === "Unreadable" ? url : undefined].flatMap((secret) =>
    Predicate.isString(secret) ? [secret] : Redacted.isRedacted(secret) ? [String(Redacted.value(secret))] : []
  )
  return place._tag === "Known" ? [...texts, ...secretsOf(place.connection)] : texts
}

/**
 * Settings from typed fields; pure. Durations given as bare numbers are milliseconds, as everywhere in Effect.
 *
 * Fails with a `SessionError` of reason `ConfigurationInvalid` that lists every problem by its field.
 */
export const fromInput = (input: SettingsInput): Result.Result<Settings, SessionError> => {
  const place = placeOf(input)
  const secrets = secretsFrom(input, place)
  const values: Partial<Record<FieldKey, unknown>> = {}
  const refused = new Set<FieldKey>()
  const problems: Array<Problem> = []
  const raw = given(input)
  for (const key of fieldKeys) {
    const value = raw[key]
    if (value === undefined) continue
    const result = readerOf(key).fromCode(value)
    if (Result.isSuccess(result)) {
      values[key] = result.success
    } else {
      refused.add(key)
      problems.push(refusal(key, key, echo(value, secrets), result.failure))
    }
  }
  const target = targetOf(input, place, refused.has("connectionType"))
  const sessionSettings = input.sessionSettings ?? {}
  problems.push(...problemsOfSessionSettings(sessionSettings, secrets))
  if (input.prepare === true && target.connectionType === "supavisor_transaction") {
    problems.push({ name: "prepare", received: "true", expected: "must be false under supavisor_transaction" })
  }
  return assemble({
    values: values as Values,
    refused,
    problems,
    target,
    naming: (key) => key,
    secrets,
    sessionSettings,
    passwordProvider: input.passwordProvider,
    prepare: input.prepare
  })
}
