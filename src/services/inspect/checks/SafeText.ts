/** Makes texts and statements of the server safe to show: without literals, control characters and secrets. */
import { redact } from "../../config/ConnectionString.ts"

/** Characters shown of a statement: as many as PostgreSQL keeps of a running one by default. */
export const LONGEST_STATEMENT = 1024

const LITERAL = "'?'"

/**
 * Quoted names and comments (`kept`), literals with escapes, plain literals and dollar-quoted literals. The end of the text
 * ends each, because PostgreSQL truncates statements (`track_activity_query_size`).
 */
const PIECES = new RegExp(
  [
    String.raw`(?<kept>"(?:[^"]|"")*(?:"|$)|--[^\n]*|/\*[\s\S]*?(?:\*/|$))`,
    String.raw`(?<![\p{L}\p{N}_$])[eE]'(?:[^'\\]|''|\\[\s\S])*(?:'|\\?$)`,
    String.raw`(?:(?<![\p{L}\p{N}_$])(?:[nNbBxX]|[uU]&))?'(?:[^']|'')*(?:'|$)`,
    String.raw`(?<![\p{L}\p{N}_$])\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?(?:\$\k<tag>\$|$)`
  ].join("|"),
  "gu"
)

/** Control characters, including those that move a terminal's cursor or reverse its text. */
const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/** A statement with its text literals replaced by `'?'`: a password may be among them. */
export const withoutLiterals = (statement: string): string =>
  statement.replace(PIECES, (...found) => {
    const groups = found.at(-1) as { readonly kept?: string }
    return groups.kept ?? LITERAL
  })

/** A text of the server on one line, without control characters and secrets. */
export const safeText = (text: string, secrets: ReadonlyArray<string>): string =>
  redact(text, secrets).replace(CONTROLS, " ").trim()

/** A statement on one line, without literals and secrets, with at most 1024 characters. */
export const safeStatement = (statement: string, secrets: ReadonlyArray<string>): string => {
  const line = safeText(withoutLiterals(statement), secrets).replace(/\s+/g, " ")
  const characters = Array.from(line)
  return characters.length > LONGEST_STATEMENT ? `${characters.slice(0, LONGEST_STATEMENT - 1).join("")}…` : line
}
