/**
 * Splits a statement into tokens, by the rules of PostgreSQL's own lexer (source, scan.l): nested comments, quoted
 * identifiers, and every kind of string. `standard_conforming_strings` is taken to be on, as it is by default.
 */

export interface Token {
  /** `word`: an identifier or keyword without quotes, in lower case. `quoted`: an identifier, without its quotes. */
  readonly kind: "word" | "quoted" | "string" | "number" | "parameter" | "symbol"
  /** The source text, except for `word` and `quoted`. */
  readonly text: string
  readonly start: number
  readonly end: number
}

const BLANK = /(?:[ \t\n\r\f\v]+|--[^\n\r]*)+/y
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const PARAMETER = /\$\d+/y
const NUMBER = /(?:0[xX][\da-fA-F_]+|0[oObB][\d_]+|\d[\d_]*(?:\.(?!\.)\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/y
const QUOTED = /"[^"]*(?:""[^"]*)*"/y
const UNICODE_QUOTED = /[uU]&"[^"]*(?:""[^"]*)*"/y
const PLAIN = String.raw`'[^']*(?:''[^']*)*'`
const ESCAPED = String.raw`'[^'\\]*(?:(?:''|\\[^])[^'\\]*)*'`
/** After a line break a string goes on with the next quote, and its backslashes keep their meaning. */
const CONTINUED = String.raw`(?:[ \t\f\v]|--[^\n\r]*(?=[\n\r]))*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*`
const STRING = new RegExp(`(?:[bBnNxX]|[uU]&)?${PLAIN}(?:${CONTINUED}${PLAIN})*`, "y")
const ESCAPE_START = /[eE]'/y
const ESCAPE_STRING = new RegExp(`[eE]${ESCAPED}(?:${CONTINUED}${ESCAPED})*`, "y")

/** PostgreSQL folds ASCII letters only. */
const folded = (text: string): string => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** The end of a comment, which may contain others; undefined when it is not closed. */
const commentEnd = (sql: string, start: number): number | undefined => {
  const bound = /\/\*|\*\//g
  bound.lastIndex = start
  let depth = 0
  for (let found = bound.exec(sql); found !== null; found = bound.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1
    if (depth === 0) return bound.lastIndex
  }
  return undefined
}

const PATTERNS: ReadonlyArray<readonly [Token["kind"], RegExp]> = [
  ["string", ESCAPE_STRING],
  ["string", STRING],
  ["quoted", QUOTED],
  // Its escapes are not decoded: such a name is equal to no other.
  ["quoted", UNICODE_QUOTED],
  ["parameter", PARAMETER],
  ["number", NUMBER],
  ["word", WORD]
]

const textOf = (kind: Token["kind"], source: string): string => {
  if (kind === "word") return folded(source)
  return kind === "quoted" && source.startsWith('"') ? source.slice(1, -1).replaceAll('""', '"') : source
}

/** The tokens without comments and blanks; undefined when a comment or a quote is not closed. */
export const tokensOf = (sql: string): ReadonlyArray<Token> | undefined => {
  const tokens: Array<Token> = []
  let at = 0
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(sql)?.[0]
  }
  const next = (): Token | undefined => {
    for (const [kind, pattern] of PATTERNS) {
      const source = match(pattern)
      if (source === undefined && pattern === ESCAPE_STRING && match(ESCAPE_START) !== undefined) return undefined
      if (source !== undefined) return { kind, text: textOf(kind, source), start: at, end: at + source.length }
    }
    const tag = match(DOLLAR)
    const closing = tag === undefined ? -1 : sql.indexOf(tag, at + tag.length)
    if (tag !== undefined && closing < 0) return undefined
    if (sql[at] === "'" || sql[at] === '"') return undefined
    const end = tag === undefined ? at + 1 : closing + tag.length
    return { kind: tag === undefined ? "symbol" : "string", text: sql.slice(at, end), start: at, end }
  }
  while (at < sql.length) {
    const blank = match(BLANK)
    const end = blank !== undefined ? at + blank.length : sql.startsWith("/*", at) ? commentEnd(sql, at) : next()
    if (end === undefined) return undefined
    if (typeof end === "object") tokens.push(end)
    at = typeof end === "object" ? end.end : end
  }
  return tokens
}
