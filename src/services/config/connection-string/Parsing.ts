import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { assemble, type ConnectionString, DEFAULT_ROLE, type SslMode, sslModes } from "./Connection.ts"
import { notesOf, problemsOf } from "./Diagnosis.ts"
import * as ProblemTexts from "./ProblemTexts.ts"
import { isHost, isSocketDirectory } from "./HostKind.ts"
import { cleanPastedText } from "./PastedText.ts"
import { decode } from "./PercentEncoding.ts"
import type { Note, Problem } from "./Problem.ts"
import { decodePart, type QueryParameters, readQuery } from "./QueryParameters.ts"
import { afterHost, aroundPassword, truncatedUri, variableIn } from "./Leftovers.ts"
import { afterScheme } from "./Scheme.ts"
import { readPort, readUri, type UriParts } from "./UriReading.ts"

/** Longer than any real connection string, tokens as passwords included; bounds the work on a text that is none. */
const LONGEST_TEXT = 8192

/** Characters that end or change a part of a URI, so that other programs misread them in a password. */
const TO_ENCODE = ["@", ":", "/", "#", "?", "[", "]", " "]

/** Collects problems and notes, so that all are reported at once. */
interface Diagnostics {
  readonly problems: Array<Problem>
  readonly notes: Array<Note>
}

const decoded = (text: string, where: string, diagnostics: Diagnostics): string => {
  const part = decodePart(text, where)
  if (typeof part === "string") return part
  diagnostics.problems.push(part)
  return ""
}

const noteUnencoded = (raw: string, isLiteral: boolean, where: string, diagnostics: Diagnostics): void => {
  const found = TO_ENCODE.filter((character) => raw.includes(character))
  if (isLiteral) found.push("%")
  if (found.length > 0) diagnostics.notes.push(ProblemTexts.unencoded(where, found, raw.includes("%") && !isLiteral))
}

/** A password whose `%` begin no escapes was never encoded, and is used unchanged. */
const readPassword = (raw: string | undefined, diagnostics: Diagnostics): string | undefined => {
  if (raw === undefined) return undefined
  if (ProblemTexts.isMask(raw)) diagnostics.problems.push(ProblemTexts.maskedPassword)
  const isLiteral = decode(raw) === undefined
  const password = isLiteral ? raw : decoded(raw, "password", diagnostics)
  const leftover =
    variableIn("password", raw) ??
    (ProblemTexts.isPasswordPlaceholder(password) ? ProblemTexts.placeholderPassword : aroundPassword(raw))
  if (leftover !== undefined) diagnostics.problems.push(leftover)
  else noteUnencoded(raw, isLiteral, "password", diagnostics)
  return password
}

const readUsername = (uri: UriParts, query: QueryParameters, diagnostics: Diagnostics): string => {
  const username = query.values.get("user") ?? decoded(uri.username, "user name", diagnostics)
  const name = variableIn("user name", uri.username)
  if (name !== undefined) diagnostics.problems.push(name)
  else if (ProblemTexts.holdsPlaceholder(username)) diagnostics.problems.push(ProblemTexts.placeholderUsername)
  else noteUnencoded(uri.username, false, "user name", diagnostics)
  if (username !== "" || uri.username !== "") return username
  diagnostics.notes.push(ProblemTexts.defaultUsername)
  return DEFAULT_ROLE
}

const hostProblem = (host: string, uri: UriParts): Problem | undefined => {
  const name = variableIn("host", host)
  if (name !== undefined) return name
  if (/^[0-9a-f]*:[0-9a-f:]*:/i.test(`${host}:${uri.port}`) && !uri.isBracketed) return ProblemTexts.bareIpv6
  if (ProblemTexts.holdsPlaceholder(host) || (uri.isBracketed && !isHost(host))) return ProblemTexts.placeholderHost
  return isHost(host) || isSocketDirectory(host) ? undefined : ProblemTexts.badHost
}

const readHost = (uri: UriParts, query: QueryParameters, diagnostics: Diagnostics): string => {
  const parameter = query.values.get("host")
  if (`${uri.host}${uri.port}${parameter ?? ""}${query.values.get("port") ?? ""}`.includes(",")) {
    diagnostics.problems.push(ProblemTexts.multipleHosts)
    return ""
  }
  const host = parameter ?? decoded(uri.host, "host", diagnostics)
  if (host === "" && uri.port.includes(":")) {
    diagnostics.problems.push(ProblemTexts.bareIpv6)
  } else if (host === "" && uri.host === "") {
    diagnostics.notes.push(ProblemTexts.defaultHost)
    return "localhost"
  } else if (host !== "") {
    const problem = parameter !== undefined && isHost(host) ? undefined : hostProblem(host, uri)
    if (problem !== undefined) diagnostics.problems.push(problem)
  }
  return host
}

const readPortOf = (uri: UriParts, query: QueryParameters, diagnostics: Diagnostics): number | undefined => {
  const text = query.values.get("port") ?? uri.port
  const port = readPort(text)
  const isExplained = [ProblemTexts.multipleHosts, ProblemTexts.bareIpv6].some((one) =>
    diagnostics.problems.includes(one)
  )
  if (port === undefined && !isExplained) diagnostics.problems.push(ProblemTexts.badPort)
  if (port !== undefined && text.includes("*")) diagnostics.notes.push(ProblemTexts.emphasis)
  return port
}

const readDatabase = (uri: UriParts, query: QueryParameters, diagnostics: Diagnostics): string => {
  const database = query.values.get("dbname") ?? decoded(uri.database, "database name", diagnostics)
  const name = variableIn("database name", uri.database)
  if (name !== undefined) diagnostics.problems.push(name)
  else if (ProblemTexts.holdsPlaceholder(database)) diagnostics.problems.push(ProblemTexts.placeholderDatabase)
  return database
}

const readSslMode = (query: QueryParameters, diagnostics: Diagnostics): SslMode | undefined => {
  const text = query.values.get("sslmode") ?? ""
  const mode = sslModes.find((candidate) => candidate === text)
  if (mode === undefined && text !== "") diagnostics.problems.push(ProblemTexts.unknownSslMode(text))
  return mode
}

const readTimeout = (query: QueryParameters, diagnostics: Diagnostics): number | undefined => {
  const text = query.values.get("connect_timeout")?.trim() ?? ""
  if (text === "") return undefined
  const seconds = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(seconds)) diagnostics.problems.push(ProblemTexts.badTimeout)
  else if (seconds >= ProblemTexts.SUSPICIOUS_SECONDS) diagnostics.problems.push(ProblemTexts.timeoutInMillis(seconds))
  else if (seconds < 1) diagnostics.notes.push(ProblemTexts.unboundedTimeout)
  return Number.isSafeInteger(seconds) && seconds >= 1 ? seconds : undefined
}

const readConnection = (uri: UriParts, diagnostics: Diagnostics): ConnectionString => {
  const query = readQuery(uri.query)
  diagnostics.problems.push(...query.problems)
  diagnostics.notes.push(...query.notes)
  const username = readUsername(uri, query, diagnostics)
  const inQuery = query.values.get("password")
  const password = inQuery ?? readPassword(uri.password, diagnostics)
  if (inQuery !== undefined && ProblemTexts.isPasswordPlaceholder(inQuery)) {
    diagnostics.problems.push(ProblemTexts.placeholderPassword)
  }
  const host = readHost(uri, query, diagnostics)
  const port = readPortOf(uri, query, diagnostics)
  const database = readDatabase(uri, query, diagnostics)
  const connection = assemble({
    host,
    port,
    database,
    username,
    password,
    sslMode: readSslMode(query, diagnostics),
    sslRootCert: query.values.get("sslrootcert"),
    sslCert: query.values.get("sslcert"),
    sslKey: query.values.get("sslkey"),
    sslPassword: query.values.get("sslpassword"),
    applicationName: query.values.get("application_name"),
    connectTimeoutSeconds: readTimeout(query, diagnostics),
    searchPath: query.values.get("search_path"),
    options: query.values.get("options")
  })
  if (database === "") diagnostics.notes.push(ProblemTexts.defaultDatabase)
  return connection
}

/**
 * Reads a connection string and explains everything that is wrong with it at once.
 *
 * It follows libpq's rules for URIs (PostgreSQL docs, libpq-connect) and accepts common mistakes: a password may
 * hold `@ : / # ? %` unencoded, and quotation marks, blanks and unknown parameters are accepted; each of these
 * leaves a note. Refused: lists of hosts, placeholders, and what the pooler refuses in any case
 * (no project reference, no password). On loopback and unknown hosts the role ends at the user's last dot too, because
 * a self-hosted Supavisor reads it so. No problem or note repeats the password.
 */
export const parse = (
  text: string | Redacted.Redacted<string>
): Result.Result<ConnectionString, ReadonlyArray<Problem>> => {
  const raw = Redacted.isRedacted(text) ? Redacted.value(text) : text
  if (raw.trim().length > LONGEST_TEXT) return Result.fail([ProblemTexts.tooLong(LONGEST_TEXT)])
  const pasted = cleanPastedText(raw)
  const rest = afterScheme(pasted.text)
  if (typeof rest !== "string") return Result.fail([rest])
  const uri = readUri(rest)
  const truncated = truncatedUri(rest, uri)
  if (truncated !== undefined) return Result.fail([truncated])
  const tails = ProblemTexts.holdsPlaceholder(uri.database) ? [] : afterHost(uri)
  const diagnostics: Diagnostics = { problems: [...tails], notes: [...pasted.notes] }
  const connection = readConnection(uri, diagnostics)
  const problems = [...diagnostics.problems, ...problemsOf(connection)]
  return problems.length > 0
    ? Result.fail(problems)
    : Result.succeed({ ...connection, notes: [...diagnostics.notes, ...notesOf(connection)] })
}
