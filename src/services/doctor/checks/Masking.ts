/** Removes the password and most of the project reference from the texts of a report. */
import { type ConnectionString, redact, secretsOf } from "../../config/ConnectionString.ts"
import { redactForeignText } from "../../errors/catalogue/RedactedText.ts"

/** Enough characters to tell two projects apart, too few to reach one. */
const SHOWN_OF_REFERENCE = 4

/** A reference of Supabase itself, which is masked anywhere in a text because it is never a word. */
const SUPABASE_REFERENCE = /^[a-z]{20}$/

/** Characters shown of a name that another program chose. */
const LONGEST_FOREIGN_NAME = 48

const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)

const referencePattern = (reference: string): RegExp =>
  SUPABASE_REFERENCE.test(reference)
    ? new RegExp(escape(reference), "gi")
    : new RegExp(String.raw`(?<=\.)${escape(reference)}(?![\w-])`, "g")

/** Characters that a terminal interprets: controls, direction marks, separators. */
const UNSAFE = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/** Makes texts safe to show. */
export interface Mask {
  /** On one line, without secrets; the reference is shown by its last four characters. */
  readonly text: (text: string) => string
  /** A command to copy: without secrets, and with `REF` in place of the reference. */
  readonly command: (text: string) => string
}

/** The mask of a connection; without one, it removes only what looks like a credential. */
export const maskOf = (connection: ConnectionString | undefined): Mask => {
  const secrets = connection === undefined ? [] : secretsOf(connection)
  const reference = connection?.projectRef ?? ""
  const withReferenceAs = (shown: string) => (text: string) => {
    const safe = redact(text, secrets).replace(UNSAFE, " ")
    return reference.length > SHOWN_OF_REFERENCE ? safe.replace(referencePattern(reference), shown) : safe
  }
  return { text: withReferenceAs(`…${reference.slice(-SHOWN_OF_REFERENCE)}`), command: withReferenceAs("REF") }
}

/** A name that another program chose, such as an application's: shortened, without what looks like a credential. */
export const maskedName = (name: string): string => {
  const line = redactForeignText(name)
  return line.length > LONGEST_FOREIGN_NAME ? `${line.slice(0, LONGEST_FOREIGN_NAME)}…` : line
}
