/** Takes out of a text what a report must not show: the password, and all of a project reference but its end. */
import { type ConnectionString, redact, secretsOf } from "../../config/ConnectionString.ts"
import { redactForeignText } from "../../errors/catalogue/RedactedText.ts"

/** Enough of a project reference to tell two projects apart, too little to reach one. */
const SHOWN_OF_REFERENCE = 4

/** Supabase's own references are so unlike words that they are hidden wherever they stand. */
const SUPABASE_REFERENCE = /^[a-z]{20}$/

/** Names and messages of others are cut: one line of a table, not a page. */
const LONGEST_FOREIGN_NAME = 48

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)

const referencePattern = (reference: string): RegExp =>
  SUPABASE_REFERENCE.test(reference)
    ? new RegExp(escape(reference), "gi")
    : new RegExp(String.raw`(?<=\.)${escape(reference)}(?![\w-])`, "g")

/** What a terminal would obey, or show as something else: controls, marks of direction, separators. */
const UNSAFE = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/** Makes texts fit to be shown. */
export interface Mask {
  /** On one line, without secrets; the reference by its last four characters. */
  readonly text: (text: string) => string
  /** A command to be copied: without secrets, and `REF` where the reference belongs. */
  readonly command: (text: string) => string
}

/** The mask of a connection; of none, it takes out only what looks like a credential. */
export const maskOf = (connection: ConnectionString | undefined): Mask => {
  const secrets = connection === undefined ? [] : secretsOf(connection)
  const reference = connection?.projectRef ?? ""
  const withReferenceAs = (shown: string) => (text: string) => {
    const safe = redact(text, secrets).replace(UNSAFE, " ")
    return reference.length > SHOWN_OF_REFERENCE ? safe.replace(referencePattern(reference), shown) : safe
  }
  return {
    text: withReferenceAs(`…${reference.slice(-SHOWN_OF_REFERENCE)}`),
    command: withReferenceAs("REF")
  }
}

/** A name that somebody else chose, such as an application's: cut, without what looks like a credential. */
export const maskedName = (name: string): string => {
  const line = redactForeignText(name)
  return line.length > LONGEST_FOREIGN_NAME ? `${line.slice(0, LONGEST_FOREIGN_NAME)}…` : line
}
