/** Reads settings from an application's code: typed fields. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type ConnectionString, format, make, parse, redact, secretsOf } from "../ConnectionString.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import { fieldKeys, inputOf } from "./Fields.ts"
import { unknownKeys } from "./Misspellings.ts"
import { displayed, type Problem } from "./Problem.ts"
import { integer } from "./Reader.ts"
import { readValues, resolveSettings } from "./Resolve.ts"
import { PasswordUnavailable, type Settings, type SettingsInput } from "./Settings.ts"
import { decideTarget, embedded, missing, type Target, unreadable } from "./Target.ts"

const source = "code"
const typeName = "connectionType"

type ConnectionInput =
  | { readonly _tag: "None"; readonly problems: ReadonlyArray<Problem> }
  | { readonly _tag: "Known"; readonly name: string; readonly connection: ConnectionString }
  | {
      readonly _tag: "Unreadable"
      readonly name: string
      readonly problems: ReadonlyArray<{ readonly message: string; readonly remedy: string }>
    }

const highestPort = 65_535
const port = integer(1, highestPort)

/**
 * Reads a connection string whose password is given separately: `parse` refuses a pooler's string without one, so the
 * string is read with a substitute, which is removed again.
 */
const withoutPassword = (text: string): ConnectionString | undefined => {
  const parsed = parse(text.replace("@", ":unset@"))
  return Result.isSuccess(parsed) ? { ...parsed.success, password: undefined } : undefined
}

const read = (name: string, text: string, input: SettingsInput): ConnectionInput => {
  const parsed = parse(text)
  if (Result.isSuccess(parsed)) return { _tag: "Known", name, connection: parsed.success }
  const problems = parsed.failure.filter(({ code }) => input.password === undefined || code !== "missing-password")
  const connection = problems.length === 0 ? withoutPassword(text) : undefined
  return connection === undefined
    ? { _tag: "Unreadable", name, problems: problems.length === 0 ? parsed.failure : problems }
    : { _tag: "Known", name, connection }
}

/** The password as a text; undefined when it is an effect or absent. */
const passwordOf = ({ password }: SettingsInput): Redacted.Redacted<string> | undefined =>
  Predicate.isString(password) ? Redacted.make(password) : Redacted.isRedacted(password) ? password : undefined

const partsOf = (input: SettingsInput): ReadonlyArray<string> =>
  (["host", "port", "database", "username", "password"] as const).filter((name) => input[name] !== undefined)

const connectionOfUrl = (input: SettingsInput, url: NonNullable<SettingsInput["url"]>): ConnectionInput => {
  const text = Predicate.isString(url) ? url : Redacted.isRedacted(url) ? String(Redacted.value(url)) : undefined
  const given: ConnectionInput =
    text === undefined ? { _tag: "Known", name: "url", connection: url as ConnectionString } : read("url", text, input)
  const connection = given._tag === "Known" ? given.connection : undefined
  const problems = partsOf(input)
    .filter((name) => name !== "password" || connection?.password !== undefined)
    .map((name) => ({
      name,
      received: "given",
      expected: `must not be given together with ${name === "password" ? "a url that holds one" : "url"}`
    }))
  if (problems.length > 0) return { _tag: "None", problems }
  const password = passwordOf(input)
  return connection === undefined || password === undefined
    ? given
    : { _tag: "Known", name: "url", connection: { ...connection, password } }
}

const connectionOf = (input: SettingsInput): ConnectionInput => {
  const { database, host, url, username } = input
  if (url !== undefined) return connectionOfUrl(input, url)
  const parts = partsOf(input)
  if (parts.length === 0) return { _tag: "None", problems: [] }
  if (host === undefined || host.trim() === "") {
    const problem = { name: "host", received: undefined, expected: `a host name, because ${parts.join(", ")} is given` }
    return { _tag: "None", problems: [problem] }
  }
  const checked = input.port === undefined ? Result.succeed<number | undefined>(undefined) : port.fromCode(input.port)
  if (Result.isFailure(checked)) {
    return { _tag: "None", problems: [{ name: "port", received: String(input.port), ...checked.failure }] }
  }
  const connection = make({ host, port: checked.success, database, username, password: passwordOf(input) })
  // written and read again, because the reading finds what is wrong or missing
  return read("host", format(connection, { showPassword: true }), input)
}

const targetOf = (input: SettingsInput, given: ConnectionInput, typeRefused: boolean): Target => {
  const type = typeRefused ? undefined : input.connectionType
  if (type === "embedded") {
    return embedded(
      given._tag === "None" ? [] : [`${given.name} is given and ignored, because ${typeName} is embedded.`]
    )
  }
  switch (given._tag) {
    case "None":
      return type === undefined || given.problems.length > 0
        ? { ...embedded([]), problems: given.problems }
        : missing("url", source, typeName, type)
    case "Unreadable":
      return unreadable(given.problems, given.name, source, type)
    case "Known": {
      const { connection, name } = given
      const decided = decideTarget({ connection, name, source, typeName, type, assumed: undefined })
      return typeRefused ? { ...decided, problems: [] } : decided
    }
  }
}

const secretsFrom = (input: SettingsInput, given: ConnectionInput): ReadonlyArray<string> => {
  const { http, password, ssl, url } = input
  const secrets = [password, http?.token, ssl?.passphrase, given._tag === "Unreadable" ? url : undefined]
  const texts = secrets.flatMap((secret) =>
    Predicate.isString(secret) ? [secret] : Redacted.isRedacted(secret) ? [String(Redacted.value(secret))] : []
  )
  return given._tag === "Known" ? [...texts, ...secretsOf(given.connection)] : texts
}

/** Server parameters that have a setting of their own. */
const owned: Readonly<Record<string, string>> = {
  statement_timeout: "statementTimeout",
  idle_in_transaction_session_timeout: "idleInTransactionTimeout",
  search_path: "searchPath",
  application_name: "applicationName"
}

/** A parameter name, with the prefix of an extension where it has one (PostgreSQL docs, config-setting-names-values). */
const parameterName = /^[a-z_][a-z0-9_$]*(?:\.[a-z_][a-z0-9_$]*)*$/i

/** Problems of the parameters: an invalid name, one with a setting of its own, or an invalid value. */
const problemsOfSessionSettings = (
  settings: Readonly<Record<string, string>>,
  secrets: ReadonlyArray<string>
): ReadonlyArray<Problem> =>
  Object.entries(settings).flatMap(([parameter, value]): ReadonlyArray<Problem> => {
    const name = `sessionSettings.${displayed(parameter, secrets)}`
    const elsewhere = owned[parameter.toLowerCase()]
    if (!parameterName.test(parameter)) {
      return [
        { name, received: displayed(value, secrets), expected: "the name of a server parameter such as work_mem" }
      ]
    }
    if (elsewhere !== undefined) {
      return [{ name, received: displayed(value, secrets), expected: `use ${elsewhere}` }]
    }
    return typeof value !== "string" || value.includes("\0")
      ? [{ name, received: displayed(value, secrets), expected: "a text without NUL characters" }]
      : []
  })

/** Every failure and every defect of the effect fails the login that needed the password. */
const providerOf = (password: SettingsInput["password"]): Settings["passwordProvider"] =>
  Effect.isEffect(password)
    ? Effect.catchCause(password, (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.interrupt
          : Effect.fail(new PasswordUnavailable({ message: redact(String(Cause.squash(cause)), []) }))
      )
    : undefined

/**
 * Settings from typed fields; pure. Durations given as bare numbers are milliseconds, as everywhere in Effect.
 *
 * Fails with a `SessionError` of reason `ConfigurationInvalid` that lists every problem by its field.
 */
export const fromInput = (input: SettingsInput): Result.Result<Settings, SessionError> => {
  const given = connectionOf(input)
  const secrets = secretsFrom(input, given)
  const fieldValues = fieldKeys.map((key) => [key, key, inputOf(input, key)] as const)
  const { problems: refusals, refused, values } = readValues(fieldValues, "fromCode", secrets)
  const problems: Array<Problem> = [...unknownKeys(input, secrets), ...refusals]
  const target = targetOf(input, given, refused.has("connectionType"))
  // JavaScript may give numbers and booleans: PostgreSQL reads their texts
  const sessionSettings = Object.fromEntries(
    Object.entries(input.sessionSettings ?? {}).map(([name, value]) => [
      name,
      Predicate.isNumber(value) || Predicate.isBoolean(value) ? String(value) : value
    ])
  )
  problems.push(...problemsOfSessionSettings(sessionSettings, secrets))
  if (input.prepare === true && target.connectionType === "supavisor_transaction") {
    problems.push({ name: "prepare", received: "true", expected: "must be false under supavisor_transaction" })
  }
  return resolveSettings({
    values,
    refused,
    problems,
    warnings: [],
    target,
    naming: (key) => key,
    secrets,
    sessionSettings,
    passwordProvider: providerOf(input.password),
    prepare: input.prepare
  })
}
