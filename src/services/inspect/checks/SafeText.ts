/** Words and statements of the server, made fit to be shown: no literals, no control characters, no secrets. */
import { redact } from "../../config/ConnectionString.ts"

/** A statement is shown up to here, in characters: as much as PostgreSQL itself keeps of a running one by default. */
export const LONGEST_STATEMENT = 1024

/** What stands for a literal. */
const LITERAL = "'?'"

/**
 * Pieces of SQL in which a quote means something else, and literals; an end of the text ends each, because PostgreSQL
 * cuts statements (`track_activity_query_size`).
 *
 * In this order: quoted names, comments, literals with escapes, plain literals, literals in dollars.
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

/** Control characters, also the ones that would move a terminal's cursor or turn its text around. */
const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu

/** A statement whose text literals are replaced by `'?'`: values are nobody's business, a password may be among them. */
export const withoutLiterals = (statement: string): string =>
  statement.replace(PIECES, (...found) => {
    const groups = found.at(-1) as { readonly kept?: string }
    return groups.kept ?? LITERAL
  })

/** A word of the server on one line, without control characters and secrets. */
export const safeText = (text: string, secrets: ReadonlyArray<string>): string =>
  redact(text, secrets).replace(CONTROLS, " ").trim()

/** A statement on one line, without literals and secrets, 1024 characters at most. */
export const safeStatement = (statement: string, secrets: ReadonlyArray<string>): string => {
  const line = safeText(withoutLiterals(statement), secrets).replace(/\s+/g, " ")
  const characters = Array.from(line)
  return characters.length > LONGEST_STATEMENT ? `${characters.slice(0, LONGEST_STATEMENT - 1).join("")}…` : line
}
