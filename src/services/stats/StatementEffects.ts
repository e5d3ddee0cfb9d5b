/**
 * What a statement may do beyond its session, as far as its text says.
 *
 * A text counts as harmless only where everything in it is known: the verb, and each function that is called by name.
 * Operators, casts and views are taken to be harmless.
 */
import { isHarmlessFunction, sessionFunctions } from "./KnownFunctions.ts"
import { type Token, tokensOf } from "./SqlLexer.ts"

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "))

const QUERIES = words("select with values table")

/** They end with their session, or change nothing else. */
const SESSION_VERBS = words(
  "begin start savepoint release abort rollback set reset show listen unlisten close fetch move prepare deallocate " +
    "discard"
)

/** Anywhere in a query. `update` is allowed in a locking clause: row locks end with the session. */
const WRITES = words("insert update delete merge into")

/**
 * Words that PostgreSQL lets no function of a user have as an unqualified name: reserved words, and functions and types
 * that have a syntax of their own (PostgreSQL docs, Appendix C).
 */
const SYNTAX = words(
  "all and any array as between bit boolean case cast char character coalesce collate dec decimal distinct else except " +
    "exists extract fetch float for from greatest group grouping having ilike in int integer intersect interval is " +
    "join lateral least like limit national nchar not nullif numeric offset on or order overlay position precision " +
    "real row select similar smallint some substring symmetric table then time timestamp to treat trim union using " +
    "values varchar when where window with xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi xmlroot " +
    "xmlserialize xmltable"
)

/** Words before a bracket that are syntax only after certain words or symbols. */
const SYNTAX_AFTER: Readonly<Record<string, string>> = {
  by: "order group partition",
  bernoulli: "tablesample",
  filter: ")",
  first: "fetch",
  materialized: "as not",
  next: "fetch",
  operator: "",
  over: ")",
  sets: "grouping",
  system: "tablesample",
  zone: "time"
}

/** A bracket after these opens a list of columns, not of arguments. */
const NAMES_AFTER = words("as with recursive")

const isWord = (token: Token | undefined, text: string): boolean => token?.kind === "word" && token.text === text

const isSymbol = (token: Token | undefined, text: string): boolean => token?.kind === "symbol" && token.text === text

/** Whether the name at a position, which a bracket follows, is syntax, or a function that is known to be harmless. */
const isKnownCall = (tokens: ReadonlyArray<Token>, at: number): boolean => {
  const { kind, text } = tokens[at]!
  const before = tokens[at - 1]
  if (isSymbol(before, ".")) {
    const schema = tokens[at - 2]
    return schema?.text === "pg_catalog" && schema.kind !== "string" && !isSymbol(tokens[at - 3], ".") && isKnown(text)
  }
  if (kind === "word" && SYNTAX.has(text)) return true
  if (before?.kind === "word" && NAMES_AFTER.has(before.text)) return true
  if (kind === "word" && Object.hasOwn(SYNTAX_AFTER, text) && before !== undefined && before.kind !== "quoted") {
    const allowed = SYNTAX_AFTER[text]!
    return allowed === "" || allowed.split(" ").includes(before.text)
  }
  return isKnown(text)
}

const isKnown = (name: string): boolean => isHarmlessFunction(name) || sessionFunctions().has(name)

const isLocking = (tokens: ReadonlyArray<Token>, at: number): boolean =>
  isWord(tokens[at], "update") &&
  (isWord(tokens[at - 1], "for") ||
    (isWord(tokens[at - 1], "key") && isWord(tokens[at - 2], "no") && isWord(tokens[at - 3], "for")))

/** Whether a query writes nothing. */
const isReading = (tokens: ReadonlyArray<Token>): boolean => {
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!
    if (token.kind !== "word" && token.kind !== "quoted") continue
    if (token.kind === "word" && WRITES.has(token.text) && !isLocking(tokens, at)) return false
    if (isSymbol(tokens[at + 1], "(") && !isKnownCall(tokens, at)) return false
  }
  return true
}

const firstAt = (tokens: ReadonlyArray<Token>): number => tokens.findIndex((token) => !isSymbol(token, "("))

const isReadingExplain = (tokens: ReadonlyArray<Token>): boolean => {
  if (!tokens.some((token) => token.kind === "word" && /^analy[sz]e$/.test(token.text))) return true
  const start = tokens.findIndex((token) => token.kind === "word" && QUERIES.has(token.text))
  // Options come before the query; any other statement has its verb there.
  const options = tokens.slice(1, start)
  const isQuery = options.every(({ kind, text }) => kind !== "word" || !OTHER_VERBS.has(text))
  return start > 0 && isQuery && isReading(tokens.slice(start))
}

/** What EXPLAIN takes besides queries (PostgreSQL docs, EXPLAIN). */
const OTHER_VERBS = words("insert update delete merge execute declare create refresh")

/**
 * Whether a statement outside a transaction may be executed twice without harm: it only reads, or concerns nothing but
 * its session.
 */
export const isRepeatable = (sql: string): boolean => {
  const all = tokensOf(sql)
  if (all === undefined) return false
  const tokens = isSymbol(all.at(-1), ";") ? all.slice(0, -1) : all
  if (tokens.length === 0) return true
  const first = tokens[firstAt(tokens)]
  if (first?.kind !== "word" || tokens.some((token) => isSymbol(token, ";"))) return false
  if (QUERIES.has(first.text)) return isReading(tokens)
  if (first.text === "explain") return isReadingExplain(tokens)
  if (!SESSION_VERBS.has(first.text)) return false
  return !isWord(tokens[1], first.text === "prepare" ? "transaction" : "prepared")
}

/** Whether a statement that ends a transaction begins the next one. */
export const isChain = (sql: string): boolean => {
  const tokens = tokensOf(sql) ?? []
  return tokens.some((token, at) => isWord(token, "chain") && isWord(tokens[at - 1], "and"))
}

/** Whether a statement commits the transaction that it runs in, or prepares to. */
export const isCommit = (sql: string): boolean => {
  const [first, second] = tokensOf(sql) ?? []
  if (first?.kind !== "word") return false
  return first.text === "commit" || first.text === "end" || (first.text === "prepare" && isWord(second, "transaction"))
}
