import { sslModes } from "./Connection.ts"
import { MILLIS_PER_SECOND } from "../../errors/Units.ts"
import { encode } from "./PercentEncoding.ts"
import type { Note, Problem } from "./Problem.ts"

const PLACEHOLDER = /\[[^\]]*[a-z][^\]]*\]|<[^>]*[a-z][^>]*>|\{[^}]*[a-z][^}]*\}/i
const WORDS = "[a-z _-]*pass(?:word)?"
const BARE_WORDS = "your[ _-](?:(?:db|database)[ _-])?password"
const PASSWORD_PLACEHOLDER = new RegExp(String.raw`^(?:\[${WORDS}\]|<${WORDS}>|\$?\{+${WORDS}\}+|${BARE_WORDS})$`, "i")

/** True for a bracketed word left over from a template, as in `postgres.[project-ref]`. */
export const holdsPlaceholder = (text: string): boolean => PLACEHOLDER.test(text)

/** True for `[YOUR-PASSWORD]`, `[YPASSWORD]`, `<password>`, `${PASSWORD}` and similar placeholders, as a whole password. */
export const isPasswordPlaceholder = (text: string): boolean => PASSWORD_PLACEHOLDER.test(text)

/** True for the mask that `format` and other programs print instead of a password. */
export const isMask = (text: string): boolean => /^(?:\*{3,}|•{3,})$/.test(text)

export const placeholderPassword: Problem = {
  code: "placeholder-password",
  message: "The password is still the placeholder of the dashboard's template.",
  remedy: "Replace it, brackets included, with the database password; reset it in the dashboard if it is lost."
}

export const maskedPassword: Problem = {
  code: "masked-password",
  message: "The password consists of asterisks or dots: it was hidden when the connection string was printed.",
  remedy: "Replace them with the database password."
}

const placeholder = (code: string, where: string, remedy: string): Problem => ({
  code,
  message: `The ${where} still holds a placeholder in brackets.`,
  remedy
})

export const placeholderUsername = placeholder(
  "placeholder-username",
  "user name",
  "Write ROLE.PROJECT_REF, as the dashboard shows it under Connect."
)

export const placeholderHost = placeholder(
  "placeholder-host",
  "host name",
  "Copy the host from the dashboard (Connect > Session pooler); it cannot be derived from the region."
)

export const placeholderDatabase = placeholder(
  "placeholder-database",
  "database name",
  "Write its name; a Supabase project's is postgres."
)

export const bareIpv6: Problem = {
  code: "bare-ipv6",
  message: "The IPv6 address has no brackets, so it cannot be separated from the port.",
  remedy: "Write it in brackets: [::1]:5432."
}

export const badHost: Problem = {
  code: "bad-host",
  message: "The part after the credentials is not the name or the address of a host.",
  remedy: "Check it, and percent-encode special characters of the password (@ as %40, / as %2F, # as %23)."
}

export const multipleHosts: Problem = {
  code: "multiple-hosts",
  message: "The connection string lists several hosts; a pool has one.",
  remedy: "Name one host and one port. Make one pool for each server that is needed."
}

export const badPort: Problem = {
  code: "bad-port",
  message: "The port is not a number from 1 to 65535.",
  remedy:
    "Write 5432 for session mode; percent-encode special characters of the password (: as %3A, / as %2F, # as %23)."
}

export const badTimeout: Problem = {
  code: "bad-connect-timeout",
  message: 'The parameter "connect_timeout" is not a whole number of seconds.',
  remedy: "Write connect_timeout=10, or set DB_CONNECT_TIMEOUT."
}

/** 10000 s is almost three hours; 10000 ms, as other clients take them, are 10 s. */
export const SUSPICIOUS_SECONDS = 10_000

export const timeoutInMillis = (given: number): Problem => ({
  code: "connect-timeout-in-milliseconds",
  message: 'The parameter "connect_timeout" looks like milliseconds, but it is a number of seconds.',
  remedy: `Write connect_timeout=${Math.round(given / MILLIS_PER_SECOND)}, or set DB_CONNECT_TIMEOUT for more than ${SUSPICIOUS_SECONDS} seconds.`
})

export const unboundedTimeout: Note = {
  code: "unbounded-connect-timeout",
  message: "connect_timeout=0 means an unlimited wait, and was ignored.",
  remedy: "Set DB_CONNECT_TIMEOUT; every wait has a bound here."
}

export const defaultHost: Note = {
  code: "default-host",
  message: "No host is named; localhost is used.",
  remedy: "Name the host after the @ if another one is meant."
}

export const defaultUsername: Note = {
  code: "default-username",
  message: "No user is named; postgres is used.",
  remedy: "Write the user after the two slashes if another one is meant."
}

export const defaultDatabase: Note = {
  code: "default-database",
  message: "No database is named; it is postgres on Supabase's hosts, and named like the role elsewhere.",
  remedy: "Write its name after the port: HOST:5432/postgres."
}

export const emphasis: Note = {
  code: "markdown-emphasis",
  message: "Asterisks around the port, copied from a formatted page, were ignored.",
  remedy: "Remove them."
}

export const tooLong = (longest: number): Problem => ({
  code: "too-long",
  message: `The connection string is longer than ${longest} characters.`,
  remedy: "Check that the value is the connection string alone."
})

const LIKE_A_MODE = /^[a-z-]{1,20}$/i

export const unknownSslMode = (text: string): Problem => ({
  code: "unknown-sslmode",
  message: `The parameter "sslmode" holds ${LIKE_A_MODE.test(text) ? `"${text}"` : "something"}, which is not a mode.`,
  remedy:
    text === "no-verify"
      ? "Write sslmode=require, which encrypts without checking the certificate."
      : `Use one of ${sslModes.join(", ")}.`
})

const nameOf = (character: string): string => (character === " " ? "a blank" : character)
const quoted = (character: string): string => (character === " " ? "a blank" : `"${character}"`)

/** A note about characters of a part that should be percent-encoded; it does not show their neighbours. */
export const unencoded = (where: string, characters: ReadonlyArray<string>, holdsEscapes: boolean): Note => ({
  code: "unencoded-characters",
  message:
    `The ${where} holds ${characters.map(quoted).join(" and ")} as it is; ` +
    "it was understood, but other programs will read a different address.",
  remedy:
    `Percent-encode: ${characters.map((character) => `${nameOf(character)} as ${encode(character)}`).join(", ")}.` +
    (holdsEscapes ? " A % followed by two hexadecimal digits was decoded; write %25 if the % itself is meant." : "")
})
