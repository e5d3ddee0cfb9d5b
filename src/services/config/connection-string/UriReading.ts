import { hostKind, isHost, SESSION_PORT } from "./HostKind.ts"
import { decode } from "./PercentEncoding.ts"
import { KNOWN_PARAMETERS } from "./QueryParameters.ts"

/** The parts of a connection URI, not yet decoded. */
export interface UriParts {
  readonly username: string
  readonly password: string | undefined
  /** Without brackets; several hosts are still joined by commas. */
  readonly host: string
  readonly isBracketed: boolean
  readonly port: string
  readonly database: string
  readonly query: string
}

/** The port is bold in Markdown pages about Supabase's poolers, and is copied with its asterisks. */
const EMPHASIS = /^\*+|\*+$/g
const HIGHEST_PORT = 65_535

/** The number of a port; 5432 for an empty text, `undefined` for a text that is no port. */
export const readPort = (text: string): number | undefined => {
  const digits = text.replace(EMPHASIS, "")
  if (digits === "") return SESSION_PORT
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0
  return port >= 1 && port <= HIGHEST_PORT ? port : undefined
}

const NO_CREDENTIALS = -1

const firstOf = (text: string, pattern: RegExp): number => {
  const index = text.search(pattern)
  return index < 0 ? text.length : index
}

/** Splits the text after `scheme://` as libpq does, given the `@` that ends the credentials. */
const split = (rest: string, at: number): UriParts => {
  const credentials = at === NO_CREDENTIALS ? "" : rest.slice(0, at)
  const tail = rest.slice(at + 1)
  const colon = credentials.indexOf(":")
  const closing = tail.startsWith("[") ? tail.indexOf("]") : -1
  const isBracketed = closing > 0
  const hostEnd = isBracketed ? closing + 1 : firstOf(tail, /[:/?]/)
  const authorityEnd = hostEnd + firstOf(tail.slice(hostEnd), /[/?]/)
  const path = tail.slice(authorityEnd)
  const queryStart = firstOf(path, /\?/)
  const port = tail.slice(hostEnd, authorityEnd)
  return {
    username: colon < 0 ? credentials : credentials.slice(0, colon),
    password: colon < 0 ? undefined : credentials.slice(colon + 1),
    host: isBracketed ? tail.slice(1, closing) : tail.slice(0, hostEnd),
    isBracketed,
    port: port.startsWith(":") ? port.slice(1) : port,
    database: path.slice(1, Math.max(1, queryStart)),
    query: path.slice(queryStart + 1)
  }
}

/** Also true for a placeholder and a list of hosts, so that they are explained later and not read as a password. */
const isHostText = (host: string): boolean =>
  host === "" || /[,[\]<>{}]/.test(host) || isHost(decode(host) ?? "") || decode(host)?.startsWith("/") === true

const isWellFormed = (parts: UriParts): boolean =>
  !/[/?#\s]/.test(parts.username) &&
  !parts.host.includes("@") &&
  isHostText(parts.host) &&
  (readPort(parts.port) !== undefined || parts.host.includes(","))

/** A score of how likely the parts are right; a Supabase or loopback host counts more than a port or a dot. */
const likelihood = (parts: UriParts, at: number, isLast: boolean): number => {
  const isRecognised = hostKind(parts.host, readPort(parts.port) ?? SESSION_PORT) !== "unknown"
  const holdsQuery = /\?[a-z_]+=/i.test(parts.password ?? "")
  return (
    (isRecognised ? 4 : 0) +
    (parts.port === "" ? 0 : 1) +
    (parts.host.includes(".") ? 1 : 0) -
    (holdsQuery || at === NO_CREDENTIALS ? 2 : 0) -
    (isLast ? 0 : 1)
  )
}

const PARAMETER_START = new RegExp(`[?&](?:${[...KNOWN_PARAMETERS].join("|")})=`)

/**
 * Splits the text after `scheme://` into its parts.
 *
 * libpq ends the credentials at the first `@` before the first slash. When that gives no usable address, or when
 * there are more `@` behind it, every `@` is tried and the one followed by the most likely address wins, the last one
 * among equals: so a password may hold `@ : / # ? %` as they are. An `@` inside a known parameter never counts.
 */
export const readUri = (rest: string): UriParts => {
  const marks: Array<number> = []
  const end = firstOf(rest, PARAMETER_START)
  for (let at = rest.indexOf("@"); at >= 0 && at < end; at = rest.indexOf("@", at + 1)) marks.push(at)
  const first = marks[0]
  const last = marks.at(-1) ?? NO_CREDENTIALS
  const strict = first !== undefined && first < firstOf(rest, /\//) ? first : NO_CREDENTIALS
  const candidates = strict === NO_CREDENTIALS ? [NO_CREDENTIALS, ...marks] : marks
  let best: { readonly parts: UriParts; readonly score: number } | undefined
  for (const at of candidates) {
    const parts = split(rest, at)
    if (!isWellFormed(parts)) continue
    const score = likelihood(parts, at, at === last)
    if (best === undefined || score >= best.score) best = { parts, score }
  }
  return best?.parts ?? split(rest, last)
}
