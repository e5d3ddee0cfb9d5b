/**
 * The further server parameters an application may set on each session.
 */
import { echo, type Problem } from "./Problem.ts"

/** Parameters that have a setting of their own, which also watches them. */
const owned: Readonly<Record<string, string>> = {
  statement_timeout: "statementTimeout",
  idle_in_transaction_session_timeout: "idleInTransactionTimeout",
  search_path: "searchPath",
  application_name: "applicationName"
}

/** A parameter name, with the prefix of an extension where it has one (PostgreSQL docs, config-setting-names-values). */
const parameterName = /^[a-z_][a-z0-9_$]*(?:\.[a-z_][a-z0-9_$]*)*$/i

/** What is wrong with the parameters: a name PostgreSQL cannot have, one that is set elsewhere, or an impossible value. */
export const problemsOfSessionSettings = (
  settings: Readonly<Record<string, string>>,
  secrets: ReadonlyArray<string>
): ReadonlyArray<Problem> =>
  Object.entries(settings).flatMap(([parameter, value]): ReadonlyArray<Problem> => {
    const name = `sessionSettings.${echo(parameter, secrets)}`
    const elsewhere = owned[parameter.toLowerCase()]
    if (!parameterName.test(parameter)) {
      return [{ name, received: echo(value, secrets), expected: "the name of a server parameter such as work_mem" }]
    }
    if (elsewhere !== undefined) {
      return [{ name, received: echo(value, secrets), expected: `must be given as ${elsewhere}` }]
    }
    return typeof value !== "string" || value.includes("\0")
      ? [{ name, received: echo(value, secrets), expected: "a text without NUL characters" }]
      : []
  })
