/** Characters that a template, a shell or a cut line leaves in a connection string. All checks read the raw text. */
import { isDatabaseHost, isHost } from "./HostKind.ts"
import { encode } from "./PercentEncoding.ts"
import type { Problem } from "./Problem.ts"
import type { UriParts } from "./UriReading.ts"

const truncated: Problem = {
  code: "truncated",
  message: "The connection string ends before its host: there is no @ that ends the password, or nothing follows it.",
  remedy:
    "Copy it again. In a .env file put the value in quotes, because an unquoted # begins a comment, and write a # in " +
    "the password as %23. Host and port alone are written with a user: postgresql://USER@HOST:PORT/DATABASE."
}

/** A name that a shell or a template should have replaced by its value. */
export const variable = (subject: string): Problem => ({
  code: "unexpanded-variable",
  message: `${subject} the name of a variable, such as \${NAME}, $NAME or %NAME%, which was not replaced by its value.`,
  remedy:
    "Write the value itself: connection strings and .env files are not expanded here. Write a $ that belongs to the " +
    "value as %24, and a % as %25."
})

/** A name as a shell, PowerShell, cmd.exe or a template has it; `$Ecret` is a password more often than a variable. */
const VARIABLES = [
  /^\$(?:[A-Z_][A-Z0-9_]+|(?:\w*_)?(?:pass(?:word|wd)?|pwd|pw))$/,
  /^(?:\$\{[^}]*\}|\$\([^)]*\)|\$env:\w+|%[a-z_]\w*%|%\(\w+\)s|\{\{.*\}\}|process\.env\.\w+|`.*`)$/i
]

/** The problem of a text that is the name of a variable. */
export const variableIn = (where: string, text: string): Problem | undefined =>
  VARIABLES.some((pattern) => pattern.test(text)) ? variable(`The ${where} is`) : undefined

const ENCLOSED = /^(?:\[.*\]|<.*>|\{.*\}|\(.*\)|".*"|'.*'|[“”].*[“”])$/s

/** The problem of a raw password that a template or a shell enclosed. Percent-encoded, the same characters belong to it. */
export const aroundPassword = (raw: string): Problem | undefined => {
  if (!ENCLOSED.test(raw)) return undefined
  const [first, last] = [raw[0] ?? "", raw.at(-1) ?? ""]
  return {
    code: "enclosed-password",
    message: `The password is enclosed in ${first} and ${last}, as the placeholder of a template is.`,
    remedy:
      `Remove both characters. If they belong to the password, percent-encode them: ` +
      `${first} as ${encode(first)}, ${last} as ${encode(last)}.`
  }
}

const ROLE_AND_REFERENCE = /^[^.]+\.[a-z]{20}$/
const KNOWN_PORTS: ReadonlySet<string> = new Set(["", "5432", "6543"])

/** The problem of a text that ends within the credentials, so that these became host and port, or directly after them. */
export const truncatedUri = (
  rest: string,
  { database, host, port, query, username }: UriParts
): Problem | undefined => {
  if (rest.includes("@")) {
    const isCut = rest.endsWith("@") || (host === "" && ROLE_AND_REFERENCE.test(username) && query === "")
    return isCut ? truncated : undefined
  }
  if (ROLE_AND_REFERENCE.test(host)) return truncated
  const isHostAlone = isHost(host) && !/[.:]|localhost/i.test(host) && `${database}${query}` === ""
  return isHostAlone && !KNOWN_PORTS.has(port) ? truncated : undefined
}

const tailProblem = (found: string): Problem => ({
  code: "trailing-characters",
  message: `The connection string ends with ${found}, which does not belong to it.`,
  remedy: found.startsWith("\\")
    ? "Remove both characters: they were meant as a line break."
    : `Remove it; if it belongs to the database's name, write it as ${percent(found)}.`
})

const percent = (text: string): string =>
  Array.from(text, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`).join("")

const TAIL = /(?:[;,)\]}>.]|\\[nrt])+$/
/** Parameters whose values end in none of these characters. */
const WORD_LAST = /(?:^|&)(?:sslmode|connect_timeout|port)=[^&]*$/

/** The problems of what follows the host: a tail, a comment, a schema, parameters that begin with another character. */
export const afterHost = ({ database, host, port, query }: UriParts): ReadonlyArray<Problem> => {
  if (/[\s#]/.test(database)) return [textAfter]
  if (/[&;]\w+=/.test(database)) return [ampersand]
  if (/\?(?:sslmode|connect_timeout|options|application_name|search_path|sslrootcert)=/.test(query)) return [secondMark]
  const path = database === "" ? port : database
  const last = query === "" ? path : WORD_LAST.test(query) ? query : ""
  const tail = TAIL.exec(last)?.[0]
  if (tail !== undefined) return [tailProblem(tail)]
  if (last === "" && query === "" && /[;)]$/.test(host)) return [tailProblem(host.at(-1) ?? "")]
  return database.includes("/") ? [schemaInPath] : []
}

const textAfter: Problem = {
  code: "trailing-comment",
  message: "A comment or another text after the connection string became part of the database's name.",
  remedy: "Remove everything after the name; write a # that belongs to it as %23, and a blank as %20."
}

const ampersand: Problem = {
  code: "misplaced-parameter",
  message: "The parameters begin with & or ; instead of ?, so they became part of the database's name.",
  remedy: "Write a ? before the first parameter and & between them: /postgres?sslmode=require&connect_timeout=10."
}

const secondMark: Problem = {
  code: "misplaced-parameter",
  message: "A second ? separates parameters, so the text after it became part of a value.",
  remedy: "Write a ? before the first parameter and & between them: ?sslmode=require&connect_timeout=10."
}

const schemaInPath: Problem = {
  code: "path-after-database",
  message: "A second / follows the database's name, so what it separates became part of the name.",
  remedy: "End the path after the name. A schema is named with ?search_path=NAME; a / of the name is written as %2F."
}

const referenceAtDirectHost: Problem = {
  code: "reference-at-direct-host",
  message:
    "The user name ends in a project reference, which only the shared pooler takes; this host is the database itself.",
  remedy: "Write the role alone (postgres), or use the host of the session pooler (aws-N-REGION.pooler.supabase.com)."
}

const misspeltHost: Problem = {
  code: "misspelt-host",
  message: "The host resembles Supabase's, and is none of them: it is misspelt or incomplete.",
  remedy:
    "The pooler's hosts end in .pooler.supabase.com (aws-N-REGION.pooler.supabase.com), the database's is " +
    "db.PROJECT_REF.supabase.co; copy the string again from the dashboard (Connect)."
}

const RESEMBLES =
  /(?:^|\.)pooler\.supa\w*(?:\.c\w*)?\.?$|(?:^|\.)supabase\.(?:com?|comm|con|cm)\.?$|^db\.[a-z]{20}(?:\.|$)/i
const POOLER_START = /^aws-\d+-[a-z0-9-]*(?:\.p\w*)?$/i

/** The problem of a host, not the pooler's, that is nearly one of Supabase's, or that the user name does not fit. */
export const unfitHost = (host: string, username: string): ReadonlyArray<Problem> | undefined => {
  const hasReference = ROLE_AND_REFERENCE.test(username)
  if (!isHost(host)) return undefined
  if (isDatabaseHost(host)) return hasReference ? [referenceAtDirectHost] : undefined
  return RESEMBLES.test(host) || (hasReference && POOLER_START.test(host)) ? [misspeltHost] : undefined
}
