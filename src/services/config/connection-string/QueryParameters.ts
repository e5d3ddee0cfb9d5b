import { decode } from "./PercentEncoding.ts"
import type { Note, Problem } from "./Problem.ts"

/** The parameters of a connection URI that have an effect; all but `search_path` are libpq's. */
export const KNOWN_PARAMETERS: ReadonlySet<string> = new Set(
  (
    "host port user password dbname application_name connect_timeout sslmode sslrootcert sslcert sslkey sslpassword " +
    "options search_path"
  ).split(" ")
)

/** The substitute for a parameter of other clients. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["pgbouncer", "It is a switch of Prisma for transaction mode; remove it, or check that port 5432 is meant."],
  ["connection_limit", "Set DB_POOL_MAX, which is the limit of this pool."],
  ["pool_timeout", "Set DB_POOL_ACQUIRE_TIMEOUT, which bounds the wait for a session."],
  ["schema", "Use search_path=NAME."],
  ["currentSchema", "Use search_path=NAME."],
  ["statement_timeout", "Set DB_STATEMENT_TIMEOUT, which is applied and verified after login."],
  ["channel_binding", "Supavisor offers no channel binding; use sslmode=verify-full to verify the server."]
])

/** The decoded values of the known parameters, and notes about the others. */
export interface QueryParameters {
  readonly values: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<Problem>
  readonly notes: ReadonlyArray<Note>
}

const invalidEncoding = (where: string): Problem => ({
  code: "invalid-percent-encoding",
  message: `The ${where} holds a "%" that does not begin a valid percent-encoded character.`,
  remedy: "Write a percent sign itself as %25."
})

const nulCharacter = (where: string): Problem => ({
  code: "nul-character",
  message: `The ${where} holds a NUL character, which PostgreSQL cannot receive.`,
  remedy: "Remove %00 from it."
})

/** Decodes one part of a URI, or returns its problem; `where` names the part in the message. */
export const decodePart = (text: string, where: string): string | Problem => {
  const decoded = decode(text)
  if (decoded === undefined) return invalidEncoding(where)
  return decoded.includes("\0") ? nulCharacter(where) : decoded
}

const ignored = (name: string): Note => {
  const shown = /^[a-z][\w.-]{0,62}$/i.test(name) ? `"${name}"` : "with an unusual name"
  return {
    code: "ignored-parameter",
    message: `The parameter ${shown} has no meaning here and was ignored.`,
    remedy: INSTEAD.get(name) ?? "Remove it from the connection string."
  }
}

const plusAsBlank: Note = {
  code: "plus-as-blank",
  message: 'The plus signs in the parameter "options" were read as blanks.',
  remedy: "Write a blank as %20."
}

const sslTrue: Note = {
  code: "ssl-true",
  message: 'The parameter "ssl=true" was read as sslmode=require, as libpq does.',
  remedy: "Write sslmode=require."
}

/**
 * Reads the part after the question mark: the last of repeated parameters wins, an empty one counts as absent,
 * and a value may hold `=`.
 *
 * Unknown parameters become notes. A plus sign is no blank (libpq's rule), except in an `options` value of the form
 * `-c+name=value`, which has no other meaning.
 */
export const readQuery = (query: string): QueryParameters => {
  const values = new Map<string, string>()
  const problems: Array<Problem> = []
  const notes: Array<Note> = []
  for (const pair of query.split("&").filter((part) => part !== "")) {
    const equals = pair.indexOf("=")
    const name = (equals < 0 ? undefined : decode(pair.slice(0, equals))) ?? ""
    const raw = pair.slice(equals + 1)
    if (name === "ssl" && raw === "true") {
      if (!values.has("sslmode")) values.set("sslmode", "require")
      notes.push(sslTrue)
    } else if (KNOWN_PARAMETERS.has(name)) {
      const isForm = name === "options" && /^-c\+\w/.test(raw)
      if (isForm) notes.push(plusAsBlank)
      const value = decodePart(isForm ? raw.replaceAll("+", " ") : raw, `parameter "${name}"`)
      if (typeof value !== "string") problems.push(value)
      else if (value !== "") values.set(name, value)
    } else notes.push(ignored(name))
  }
  return { values, problems, notes }
}
