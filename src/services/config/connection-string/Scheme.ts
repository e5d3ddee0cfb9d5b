import { variable } from "./Leftovers.ts"
import type { Problem } from "./Problem.ts"

const POSTGRES = /^postgres(?:ql)?:\/\//i

/** Schemes that a message may name; any other text before `://` could be part of a secret. */
const FAMILIAR_SCHEME = new RegExp(
  String.raw`^(?:jdbc:postgresql|prisma+postgres|prisma|postgres(?:ql)?\+[a-z0-9]+|pgsql|psql|pg|cockroachdb|mysql|` +
    String.raw`mariadb|mongodb(?:\+srv)?|redis|sqlite|file|ssh|tcp|wss?):`,
  "i"
)

const EXAMPLE = "postgresql://postgres.PROJECT_REF:PASSWORD@aws-N-REGION.pooler.supabase.com:5432/postgres"

const empty: Problem = {
  code: "empty",
  message: "The connection string is empty.",
  remedy: `Set it to the session pooler's string from the Supabase dashboard (Connect), like ${EXAMPLE}.`
}

const webAddress: Problem = {
  code: "web-address",
  message: "This is a web address (http or https): the dashboard's or the API's, not the database's.",
  remedy: `Open the dashboard, press Connect, and copy the session pooler's string, like ${EXAMPLE}.`
}

const keywords: Problem = {
  code: "keyword-string",
  message: "This is a libpq keyword string (host=… user=…), which is not supported.",
  remedy: `Write it as a URI, like ${EXAMPLE}.`
}

const missingSlashes: Problem = {
  code: "unknown-scheme",
  message: 'The two slashes after "postgres:" are missing.',
  remedy: `Begin with postgresql://, like ${EXAMPLE}.`
}

const unknownScheme = (text: string): Problem => {
  const familiar = FAMILIAR_SCHEME.exec(text)?.[0]
  const found = familiar === undefined ? "something else" : `"${familiar}"`
  return {
    code: "unknown-scheme",
    message: `The connection string begins with ${found} instead of "postgresql://".`,
    remedy: `Begin with postgresql:// or postgres://, like ${EXAMPLE}.`
  }
}

const explain = (text: string): Problem => {
  if (text === "") return empty
  if (/^(?:[$%`]|\{\{|process\.env)/.test(text)) return variable("The connection string is")
  if (/^https?:/i.test(text)) return webAddress
  if (/^(?:host|hostaddr|user|dbname|password|port|sslmode)\s*=/i.test(text)) return keywords
  return /^postgres(?:ql)?:/i.test(text) ? missingSlashes : unknownScheme(text)
}

/** The text after `postgres://` or `postgresql://`, or the problem of another scheme. */
export const afterScheme = (text: string): string | Problem =>
  POSTGRES.test(text) ? text.replace(POSTGRES, "") : explain(text)
