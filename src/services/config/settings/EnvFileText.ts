/** What a `.env` file holds besides assignments. Imports little, for commands that read no settings. */
import * as Context from "effect/Context"
import type { Problem } from "./Problem.ts"

/** The variables of a `.env` file, and what made parts of it unreadable. */
export interface EnvFile {
  readonly values: Readonly<Record<string, string>>
  readonly problems: ReadonlyArray<Problem>
}

/** The `.env` file that the current ConfigProvider reads; empty by default. Commands without settings ignore it. */
export const EnvFile = Context.Reference<EnvFile>("effect-supavisor/EnvFile", {
  defaultValue: () => ({ values: {}, problems: [] })
})

/** The assignments as `ConfigProvider.fromDotEnvContents` finds them; groups: name, value, comment. */
const ASSIGNMENT =
  /^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(#.*)?$/gm

const QUOTES = /^(["'`])([\s\S]*)\1$/
const SECRET = /TOKEN|PASS|SECRET|(?:^|_)(?:PW|PWD)(?:_|$)/
/** A line that was meant as an assignment; others, such as a heading, are ignored as before. */
const MEANT = /[=]|:\/\/|^\s*(?:set|setx|env)\s/i

const lineOf = (text: string, at: number): number => text.slice(0, at).split("\n").length

const encodingProblem = (text: string): Omit<Problem, "name"> | undefined => {
  const nul = text.indexOf("\0")
  if (nul >= 0) {
    const isWide = text.split("\0").length > text.length / 4
    return isWide
      ? {
          received: "UTF-16",
          expected: "a text in UTF-8: > and Out-File of Windows PowerShell write UTF-16",
          remedy: "Save it as UTF-8, or run: (Get-Content .env) | Set-Content -Encoding utf8 .env"
        }
      : {
          received: `a NUL character in line ${lineOf(text, nul)}`,
          expected: "a text without NUL characters",
          remedy: "Remove it, or write the file again"
        }
  }
  const foreign = text.split("\n").findIndex((line) => line.includes("\uFFFD") && !line.trimStart().startsWith("#"))
  return foreign < 0
    ? undefined
    : {
        received: `another encoding in line ${foreign + 1}`,
        expected: "a text in UTF-8, not in Latin-1 or Windows-1252",
        remedy: "Save the file as UTF-8"
      }
}

/** True when an unquoted value ends at a `#` that was probably part of a password. */
const isCutByComment = (name: string, value: string, comment: string): boolean => {
  if (comment === "" || !/^\s*[^\s"'`].*\S$|^\s*[^\s"'`]$/.test(value)) return false
  return SECRET.test(name) || (value.includes("://") && (comment.includes("@") || !value.includes("@")))
}

/** Reads the text of a file named `path`, for the checks of the settings; never repeats a value. */
export const readEnvFile = (path: string, contents: string): EnvFile => {
  const text = contents.replaceAll(/\r\n?/g, "\n")
  const unreadable = encodingProblem(text)
  if (unreadable !== undefined) return { values: {}, problems: [{ name: path, ...unreadable }] }
  const values: Record<string, string> = {}
  const problems: Array<Problem> = []
  const rest = text.replaceAll(ASSIGNMENT, (match, name: string, value = "", comment = "", at: number) => {
    values[name] = String(value).trim().replace(QUOTES, "$2")
    if (isCutByComment(name, value, comment)) {
      problems.push({
        name: `${path} line ${lineOf(text, at + match.search(/\S/))}`,
        received: "a value that ends at a #",
        expected: `the whole value of ${name}, but an unquoted # begins a comment`,
        remedy: "Put the value in quotes; in a connection string write the # as %23"
      })
    }
    return match.replaceAll(/[^\n]/g, "")
  })
  for (const [index, line] of rest.split("\n").entries()) {
    if (/^[\s\uFEFF]*(?:#|$)/.test(line) || !MEANT.test(line)) continue
    problems.push({
      name: `${path} line ${index + 1}`,
      received: "a line that is no assignment",
      expected: "NAME=value",
      remedy: "Write NAME=value alone, without set, setx, $env: or other words before the name"
    })
  }
  return { values, problems }
}
