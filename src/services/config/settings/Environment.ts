/** Reads settings from an environment: names and texts. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type ConnectionString, describe, parse, redact, secretsOf } from "../ConnectionString.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import { readValues, resolveSettings } from "./Resolve.ts"
import { fieldKeys, fields, type Values } from "./Fields.ts"
import { addressesElsewhere, misspeltVariables } from "./Misspellings.ts"
import type { Problem } from "./Problem.ts"
import type { Settings } from "./Settings.ts"
import { decideTarget, embedded, missing, namedElsewhere, type Target, unreadable } from "./Target.ts"
import { given } from "../../errors/Wording.ts"
import { primaryUrlVariable, urlVariables } from "./Variables.ts"

/** An environment: names and values, both as the process got them. */
type EnvironmentRecord = Readonly<Record<string, string | undefined>>

const quotes = /^(["'`])([\s\S]*)\1$/

/** The value without the blanks and quotes that copy and paste leaves around it; undefined when nothing remains. */
const clean = (value: string | undefined): string | undefined => {
  const trimmed = value?.trim() ?? ""
  const text = trimmed.replace(quotes, "$2").trim()
  return text === "" ? undefined : text
}

interface UrlCandidate {
  readonly name: (typeof urlVariables)[number]
  readonly parsed: ReturnType<typeof parse>
  readonly secrets: ReadonlyArray<string>
}

/** The likely password of a broken connection string: between the first colon of the authority and the last @, or the end. */
const likelyPassword = /^(?:[^:/]*:\/\/)?[^:]*:(?:([\s\S]*)@|([^@]+)$)/

const secretsIn = (text: string, parsed: ReturnType<typeof parse>): ReadonlyArray<string> => {
  if (Result.isSuccess(parsed)) return secretsOf(parsed.success)
  const [, password, rest] = likelyPassword.exec(text) ?? []
  return [password ?? rest ?? []].flat()
}

const candidatesIn = (record: EnvironmentRecord): ReadonlyArray<UrlCandidate> =>
  urlVariables.flatMap((name) => {
    const text = record[name]
    if (text === undefined || clean(text) === undefined) return []
    const parsed = parse(text)
    return [{ name, parsed, secrets: secretsIn(text, parsed) }]
  })

const isSameTarget = (one: ConnectionString, other: ConnectionString): boolean =>
  one.host === other.host &&
  one.port === other.port &&
  one.database === other.database &&
  one.username === other.username

const passwordOf = ({ password }: ConnectionString): string | undefined =>
  password === undefined ? undefined : Redacted.value(password)

/** The warning about a further URL that is set and not used. */
const unusedUrl = (chosen: UrlCandidate, connection: ConnectionString, { name, parsed }: UrlCandidate) => {
  if (Result.isFailure(parsed)) return `${name} is set too and cannot be read. ${chosen.name} is used.`
  const other = parsed.success
  if (!isSameTarget(connection, other)) {
    return `${name} is set too and points elsewhere (${describe(other)}). ${chosen.name} is used (${describe(connection)}).`
  }
  return (
    passwordOf(connection) !== passwordOf(other) && `${name} is set too, with another password. ${chosen.name} is used.`
  )
}

const typeName = fields.connectionType.variable

const targetOf = (
  candidates: ReadonlyArray<UrlCandidate>,
  values: Values,
  typeRefused: boolean,
  elsewhere: ReadonlyArray<string>
): Target => {
  const type = values.connectionType
  const [chosen, ...others] = candidates
  if (type === "embedded") {
    return embedded(candidates.map(({ name }) => `${name} is set and ignored, because ${typeName} is embedded.`))
  }
  if (chosen === undefined) {
    if (type === undefined && elsewhere.length > 0) return namedElsewhere(primaryUrlVariable, typeName, elsewhere)
    return type === undefined ? embedded([]) : missing(primaryUrlVariable, "none", typeName, type)
  }
  const { name, parsed, secrets } = chosen
  if (Result.isFailure(parsed)) {
    const problems = parsed.failure.map(({ message, remedy }) => ({
      message: redact(message, secrets),
      remedy: redact(remedy, secrets)
    }))
    return unreadable(problems, name, name, type)
  }
  const isPrimary = name === primaryUrlVariable
  const earlier = urlVariables.slice(0, urlVariables.indexOf(name))
  const decided = decideTarget({
    connection: parsed.success,
    name,
    source: name,
    typeName,
    type,
    assumed: isPrimary ? "supavisor_session" : undefined
  })
  return {
    ...decided,
    notes: given([
      !isPrimary && `${name} is used, because ${earlier.join(", ")} ${earlier.length === 1 ? "is" : "are"} not set.`,
      ...decided.notes
    ]),
    warnings: given(others.map((unused) => unusedUrl(chosen, parsed.success, unused))),
    // without a readable type the target cannot be checked against it
    problems: typeRefused ? [] : decided.problems
  }
}

/** As `fromRecord`, for a source that could not give every value: `unread` are the problems it had. */
export const readRecord = (
  record: EnvironmentRecord,
  unread: ReadonlyArray<Problem>
): Result.Result<Settings, SessionError> => {
  const candidates = candidatesIn(record)
  const kept = [fields["http.token"], fields["ssl.passphrase"]].flatMap(({ variable }) => clean(record[variable]) ?? [])
  const secrets = [...candidates.flatMap((candidate) => candidate.secrets), ...kept]
  const texts = fieldKeys.map((key) => [key, fields[key].variable, clean(record[fields[key].variable])] as const)
  const { problems, refused, values } = readValues(texts, "fromText", secrets)
  return resolveSettings({
    values,
    refused,
    problems: [...unread, ...problems],
    warnings: misspeltVariables(Object.keys(record).filter((name) => clean(record[name]) !== undefined)),
    target: targetOf(candidates, values, refused.has("connectionType"), addressesElsewhere(record)),
    naming: (key) => fields[key].variable,
    secrets,
    sessionSettings: {},
    passwordProvider: undefined,
    prepare: undefined
  })
}

/**
 * Settings from names and texts, as an environment holds them; pure.
 *
 * Empty values count as unset; blanks and quotes around a value are ignored. A `DB_*` name that resembles one of ours
 * becomes a warning. Fails with a `SessionError` of reason `ConfigurationInvalid` that lists every problem by its
 * variable.
 */
export const fromRecord = (env: EnvironmentRecord): Result.Result<Settings, SessionError> => readRecord(env, [])
