/**
 * The parameters of a statement whose type the server takes from their position in the text: a value of INSERT, a value
 * that UPDATE assigns, or a cast to a type of number.
 *
 * A number at such a position is sent as text, exactly as JavaScript prints it, and the server reads it as the column's
 * type. As float8 it would lose digits when it becomes numeric, and be rounded when it becomes an integer.
 */

/** The position of a parameter: anywhere, as the value of a column, or in a cast to a type of number. */
export const Place = { anywhere: 0, column: 1, numberCast: 2 } as const

type Place = (typeof Place)[keyof typeof Place]

/** The places by position; undefined when all are `anywhere`. */
export type Places = Uint8Array | undefined

const NUMBER_TYPE =
  String.raw`(?:pg_catalog\s*\.\s*)?(?:smallint|integer|bigint|int[248]?|numeric|decimal|dec|real|float[48]?|` +
  String.raw`double\s+precision)(?![\w$.])`
const CAST_AFTER = new RegExp(String.raw`\s*::\s*${NUMBER_TYPE}`, "iy")
const AS_AFTER = new RegExp(String.raw`\s+as\s+${NUMBER_TYPE}`, "iy")

/** Comments, strings and quoted names are skipped; words, parameters, brackets and operators are returned. */
const TOKEN = new RegExp(
  [
    String.raw`\s+|--[^\n]*`,
    String.raw`(?<comment>\/\*)`,
    String.raw`(?<quoted>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<tag>\$(?:[A-Za-z_]\w*)?\$)[^]*?\k<tag>)`,
    String.raw`\$(?<parameter>\d+)`,
    String.raw`(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`,
    String.raw`(?<sign>::|(?:(?!--|\/\*)[+\-*/<>=~!@#%^&|?])+|[^])`
  ].join("|"),
  "gy"
)

const endOfComment = (sql: string, start: number): number => {
  let depth = 0
  const mark = /\/\*|\*\//g
  mark.lastIndex = start
  for (let found = mark.exec(sql); found !== null; found = mark.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1
    if (depth === 0) return mark.lastIndex
  }
  return sql.length
}

const matchesAt = (pattern: RegExp, sql: string, at: number): boolean => {
  pattern.lastIndex = at
  return pattern.test(sql)
}

/** The clause at one depth of parentheses. `column` comes before the `=` of an assignment, `value` after it. */
type Clause = "" | "insert" | "values" | "update" | "column" | "value" | "expression"

/** The words after which the assignments of UPDATE are over. */
const ENDS_ASSIGNMENTS = new Set(["where", "from", "returning", "when"])

const clauseAfterWord = (clause: Clause, word: string): Clause => {
  if (word === "insert" || word === "update") return word
  if (word === "values") return clause === "insert" ? "values" : ""
  if (word === "set") return clause === "update" ? "column" : ""
  if (clause === "insert") return word === "select" || word === "with" ? "" : clause
  if (clause === "update" || clause === "column") return clause
  if (clause === "value" || clause === "expression") return ENDS_ASSIGNMENTS.has(word) ? "" : "expression"
  return ""
}

const clauseAfterSign = (clause: Clause, sign: string): Clause => {
  if (clause === "column") return sign === "=" ? "value" : clause
  if (clause === "value" || clause === "expression") return sign === "," ? "column" : "expression"
  return sign === ";" ? "" : clause
}

/** Collects the places; a parameter that stands in several places has the type of none of them. */
class Scan {
  readonly places: Array<number> = []
  private readonly counts: Array<number> = []
  private readonly clauses: Array<Clause> = [""]
  private before = ""
  private beforeThat = ""
  /** A parameter that is the value of a column if nothing follows that belongs to its expression. */
  private candidate = 0

  parameter(position: number, sql: string, end: number): void {
    this.counts[position] = (this.counts[position] ?? 0) + 1
    const clause = this.clauses.at(-1)
    const outer = this.clauses.at(-2)
    const isItem = outer === "values" && (this.before === "(" || this.before === ",")
    const isCast =
      matchesAt(CAST_AFTER, sql, end) ||
      (this.before === "(" && this.beforeThat === "cast" && matchesAt(AS_AFTER, sql, end))
    if (isCast) this.places[position] = Place.numberCast
    this.step("$")
    this.candidate = !isCast && (isItem || clause === "value") ? position : 0
    if (clause === "value") this.clauses[this.clauses.length - 1] = "expression"
  }

  word(word: string): void {
    if (ENDS_ASSIGNMENTS.has(word)) this.accept()
    if (this.before !== ".") this.clause = clauseAfterWord(this.clause, word)
    this.step(word)
  }

  sign(sign: string): void {
    if (sign === "," || sign === ")" || sign === ";") this.accept()
    this.clause = clauseAfterSign(this.clause, sign)
    if (sign === "(") this.clauses.push("")
    else if (sign === ")" && this.clauses.length > 1) this.clauses.pop()
    this.step(sign)
  }

  quoted(): void {
    if (this.clause === "value") this.clause = "expression"
    this.step("'")
  }

  end(): Places {
    this.accept()
    const length = this.places.length
    if (length === 0) return undefined
    const places = new Uint8Array(length)
    for (let position = 1; position < length; position++) {
      if (this.counts[position] === 1) places[position - 1] = this.places[position] ?? Place.anywhere
    }
    return places
  }

  private get clause(): Clause {
    return this.clauses.at(-1)!
  }

  private set clause(clause: Clause) {
    this.clauses[this.clauses.length - 1] = clause
  }

  private accept(): void {
    if (this.candidate > 0) this.places[this.candidate] = Place.column
  }

  private step(token: string): void {
    this.candidate = 0
    this.beforeThat = this.before
    this.before = token
  }
}

const scan = (sql: string): Places => {
  const found = new Scan()
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(sql); match !== null; match = TOKEN.exec(sql)) {
    const { comment, parameter, quoted, sign, word } = match.groups!
    if (comment !== undefined) TOKEN.lastIndex = endOfComment(sql, match.index)
    else if (parameter !== undefined) found.parameter(Number(parameter), sql, TOKEN.lastIndex)
    else if (word !== undefined) found.word(word.toLowerCase())
    else if (quoted !== undefined) found.quoted()
    else if (sign !== undefined) found.sign(sign)
  }
  return found.end()
}

/** Texts kept: an application has some hundred, and generated ones must not fill the memory. */
const MAX_TEXTS = 1000

/** All kept texts together, in UTF-16 code units. */
const MAX_CODE_UNITS = 1024 * 1024

/** A longer text is generated and seldom repeats. */
const MAX_TEXT_LENGTH = 16_384

const kept = new Map<string, Places>()

let keptCodeUnits = 0

/** The places of the parameters of a statement. */
export const placesIn = (sql: string): Places => {
  if (kept.has(sql)) return kept.get(sql)
  const places = scan(sql)
  if (sql.length > MAX_TEXT_LENGTH) return places
  if (kept.size === MAX_TEXTS || keptCodeUnits + sql.length > MAX_CODE_UNITS) {
    kept.clear()
    keptCodeUnits = 0
  }
  kept.set(sql, places)
  keptCodeUnits += sql.length
  return places
}
