/** The readers of the settings that are free texts. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { type Reader, type ValueProblem, text } from "./Reader.ts"

/** NAMEDATALEN - 1: PostgreSQL cuts an application name after 63 bytes (PostgreSQL docs, runtime-config-logging). */
const longestApplicationName = 63

/** The pool's name is an attribute of every metric; a longer one is a mistake rather than a name. */
const longestPoolName = 128

/** A path of dozens of schemas still fits; a longer value was pasted by mistake. */
const longestSearchPath = 1024

const control = /\p{Cc}/u
const printableAscii = /^[\x20-\x7e]+$/
const credentials = /:\/\/\S*@|password\s*=/i

const pasted: ValueProblem = {
  expected: "a plain text, not a connection string",
  remedy: "This value is shown in logs and metrics, so a password must not be in it"
}

/** Shown in `pg_stat_activity`; PostgreSQL replaces whatever is not printable ASCII, so that is refused. */
export const applicationName: Reader<string> = text((value) => {
  if (credentials.test(value)) return pasted
  return printableAscii.test(value) && value.length <= longestApplicationName
    ? undefined
    : { expected: `1–${longestApplicationName} characters of printable ASCII` }
})

/** Shown as an attribute of every metric. */
export const poolName: Reader<string> = text((value) => {
  if (credentials.test(value)) return pasted
  return value !== "" && value.length <= longestPoolName && !control.test(value)
    ? undefined
    : { expected: `1–${longestPoolName} characters without control characters` }
})

/** Schemas as PostgreSQL's `search_path` takes them. */
export const searchPath: Reader<string> = text((value) =>
  value.trim() !== "" && value.length <= longestSearchPath && !control.test(value) && !credentials.test(value)
    ? undefined
    : { expected: "schema names separated by commas" }
)

/** The address the operations server binds: a name or an IP address, never a URL. */
export const bindHost: Reader<string> = text((value) =>
  /^[\w.:%-]+$/.test(value) ? undefined : { expected: "a host name or IP address without scheme and port" }
)

/** 16 characters of a random base64 text hold 96 bits: too many to guess over a network. */
const SHORTEST_TOKEN = 16

/** A header of this length passes every proxy; a longer value was pasted by mistake. */
const LONGEST_TOKEN = 512

const tokenText = text((value) =>
  /^[\x21-\x7e]+$/.test(value) && value.length >= SHORTEST_TOKEN && value.length <= LONGEST_TOKEN
    ? undefined
    : {
        expected: `${SHORTEST_TOKEN}–${LONGEST_TOKEN} characters of printable ASCII without blanks`,
        remedy: "Make one with: openssl rand -base64 24"
      }
)

type SecretReader = Reader<Redacted.Redacted<string>, string | Redacted.Redacted<string>>

/** Keeps the value of a reader in a `Redacted`; code may give it plain or redacted. */
const redacted = (reader: Reader<string>): SecretReader => ({
  fromText: (value) => Result.map(reader.fromText(value), (text) => Redacted.make(text)),
  fromCode: (value) =>
    Result.map(reader.fromCode(Redacted.isRedacted(value) ? Redacted.value(value) : value), (text) =>
      Redacted.make(text)
    )
})

/** The token that opens the operations server. */
export const token: SecretReader = redacted(tokenText)

const hasMarks = (value: string, what: string): boolean =>
  new RegExp(`-----BEGIN (?:[A-Z]+ )*${what}-----[^]*-----END (?:[A-Z]+ )*${what}-----`).test(value)

/** Whether the text is PEM itself and not a path. */
const isPem = (value: string): boolean => value.includes("-----BEGIN ")

const pemText = (what: "CERTIFICATE" | "PRIVATE KEY"): Reader<string> => {
  const read = text((value) => {
    if (isPem(value)) {
      return hasMarks(value, what)
        ? undefined
        : {
            expected: `PEM text from "-----BEGIN ${what}-----" to "-----END ${what}-----", or the path of a file`,
            remedy: "Paste it whole"
          }
    }
    return value !== "" && !control.test(value) && !credentials.test(value)
      ? undefined
      : { expected: "the path of a PEM file, or the PEM text itself" }
  })
  // Secret stores and one-line environments write the line breaks of a PEM text as a backslash and an n.
  const withLineBreaks = (value: string): string => (isPem(value) ? value.replaceAll("\\n", "\n") : value)
  return {
    fromText: (value) => Result.map(read.fromText(value), withLineBreaks),
    fromCode: (value) => Result.map(read.fromCode(value), withLineBreaks)
  }
}

/** A certificate: PEM text, or the path of a file, which is read when the pool starts. */
export const certificate: Reader<string> = pemText("CERTIFICATE")

/** A private key: PEM text, or the path of a file, which is read when the pool starts. */
export const privateKey: SecretReader = redacted(pemText("PRIVATE KEY"))

/** The passphrase of an encrypted private key. */
export const passphrase: SecretReader = redacted(
  text((value) => (value === "" ? { expected: "a passphrase" } : undefined))
)

/** The server's name in the TLS handshake: a DNS name, because SNI has no addresses (RFC 6066, section 3). */
export const serverName: Reader<string> = text((value) =>
  /^(?!\d+(?:\.\d+){3}$)[\w-]+(?:\.[\w-]+)*\.?$/.test(value)
    ? undefined
    : { expected: "a DNS name without scheme and port" }
)
