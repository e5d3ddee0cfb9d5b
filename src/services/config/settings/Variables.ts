/** The environment variables, as the reader, the README and `--help` list them. */
import { fieldKeys, fields } from "./Fields.ts"

/** One environment variable. `value` is its default if that is a fixed value, `default` describes the default. */
export interface Variable {
  readonly name: string
  readonly value: string | undefined
  readonly default: string
  readonly meaning: string
  readonly example: string
}

/** The first variable that may hold the connection string. */
export const primaryUrlVariable = "SUPABASE_SESSION_POOLER"

/** The variables that may hold the connection string, in order of precedence. */
export const urlVariables = [primaryUrlVariable, "DATABASE_URL", "POSTGRES_URL_NON_POOLING", "SUPABASE_DB_URL"] as const

/** A connection string as Supabase shows it, with placeholders. */
export const exampleUrl = "postgres://postgres.<ref>:<password>@aws-0-<region>.pooler.supabase.com:5432/postgres"

const urlMeanings: Record<(typeof urlVariables)[number], string> = {
  SUPABASE_SESSION_POOLER:
    "Connection string of the session pooler (Dashboard, Connect, Session pooler). Redacted everywhere.",
  DATABASE_URL: "First fallback for the connection string.",
  POSTGRES_URL_NON_POOLING: "Second fallback, as Vercel's Supabase integration sets it.",
  SUPABASE_DB_URL: "Third fallback, as Supabase's Edge Functions set it."
}

/** All variables, in the order of the table in the README. */
export const variables: ReadonlyArray<Variable> = [
  ...urlVariables.map((name) => ({
    name,
    value: undefined,
    default: "none",
    meaning: urlMeanings[name],
    example: exampleUrl
  })),
  ...fieldKeys.map((key) => {
    const { example, literal, meaning, source = "none", variable } = fields[key]
    return { name: variable, value: literal, default: literal ?? source, meaning, example }
  })
]

const cell = (content: string): string => content.replaceAll("|", "\\|")

/** The variables as a Markdown table with the columns variable, default and meaning. */
export const settingsTable = (): string =>
  [
    "| variable | default | meaning |",
    "| --- | --- | --- |",
    ...variables.map(
      ({ default: standard, meaning, name, value }) =>
        `| \`${name}\` | ${value === undefined ? cell(standard) : `\`${value}\``} | ${cell(meaning)} |`
    )
  ].join("\n")
