import type { ConnectionString } from "./Connection.ts"
import { isApiHost, isDatabaseHost, isPoolerHost, SESSION_PORT, TRANSACTION_PORT } from "./HostKind.ts"
import { unfitHost } from "./Leftovers.ts"
import type { Note, Problem } from "./Problem.ts"
import { droppedBySupavisor, losesReference } from "./StartupOptions.ts"

/** The limit of a PostgreSQL identifier, in bytes; Supavisor refuses longer names (PostgreSQL docs, "Identifiers"). */
const LONGEST_NAME = 63

/** Supabase's project references are twenty lower-case letters (Supabase docs, connecting-to-postgres). */
const PROJECT_REFERENCE = /^[a-z]{20}$/

const missingReference: Problem = {
  code: "missing-project-ref",
  message: "The user name has no project reference, so the pooler cannot identify the database.",
  remedy: "Write the user as ROLE.PROJECT_REF (postgres.abcdefghijklmnopqrst), as the dashboard shows it under Connect."
}

const missingPassword: Problem = {
  code: "missing-password",
  message: "There is no password, and the pooler requires one.",
  remedy: "Write it after the user name: postgresql://USER:PASSWORD@HOST. Reset it in the dashboard if it is lost."
}

const poolerPort = (port: number): Problem => ({
  code: "bad-pooler-port",
  message: `The pooler does not listen on port ${port}.`,
  remedy: `Use port ${SESSION_PORT} for session mode or ${TRANSACTION_PORT} for transaction mode.`
})

const apiHost: Problem = {
  code: "api-host",
  message: "PROJECT_REF.supabase.co is the address of the HTTP API, which accepts no PostgreSQL connections.",
  remedy: "Copy the session pooler's string from the dashboard (Connect > Session pooler)."
}

const unfitName = (what: string): Problem => ({
  code: "invalid-name",
  message: `The pooler accepts a ${what} of 1 to ${LONGEST_NAME} bytes without control characters; this one is not.`,
  remedy: `Check the ${what} in the connection string.`
})

const isUnfitName = (name: string): boolean =>
  new TextEncoder().encode(name).length > LONGEST_NAME || /\p{Cc}/u.test(name)

/** What cannot work in any mode: a violated requirement of the pooler, or a host that does not serve PostgreSQL. */
export const problemsOf = (connection: ConnectionString): ReadonlyArray<Problem> => {
  if (isApiHost(connection.host) && !/^pooler\./i.test(connection.host)) return [apiHost]
  if (!isPoolerHost(connection.host)) return unfitHost(connection.host, connection.username) ?? []
  return [
    connection.kind === "unknown" ? poolerPort(connection.port) : undefined,
    connection.projectRef === undefined ? missingReference : undefined,
    connection.password === undefined ? missingPassword : undefined,
    isUnfitName(connection.role) ? unfitName("role") : undefined,
    isUnfitName(connection.database) ? unfitName("database name") : undefined
  ].filter((problem) => problem !== undefined)
}

const ipv6Only: Note = {
  code: "ipv6-only",
  message: "db.REF.supabase.co has an IPv6 address only, unless the project has the IPv4 add-on.",
  remedy: "From a network without IPv6 use the session pooler (aws-N-REGION.pooler.supabase.com:5432)."
}

const lostReference: Note = {
  code: "lost-reference",
  message: 'The bare "reference=" in the parameter "options" is ignored by the pooler beside other settings.',
  remedy: "Write all of them in one form: --reference=REF --search_path=NAME."
}

const unusualReference: Note = {
  code: "unusual-project-ref",
  message: "The project reference is not made of twenty lower-case letters.",
  remedy: "Compare it with the one in the dashboard's address."
}

const droppedOptions = (names: ReadonlyArray<string>): Note => ({
  code: "dropped-options",
  message: `The pooler silently drops these settings of the parameter "options": ${names.join(", ")}.`,
  remedy: "Sessions of this pool get them with SQL after the login; other programs need ALTER ROLE ... SET."
})

/** Names in the usual form of a setting; others could be secrets, and are not shown. */
const settingNames = (options: string | undefined): ReadonlyArray<string> =>
  droppedBySupavisor(options).filter((name) => /^[a-z][a-z0-9_.]{0,62}$/i.test(name))

/** What works with unexpected effects. Source: Supavisor 2.9 source, startup_options.ex; Supabase docs, ipv4-address. */
export const notesOf = (connection: ConnectionString): ReadonlyArray<Note> => {
  if (isDatabaseHost(connection.host)) return [ipv6Only]
  if (!isPoolerHost(connection.host)) return []
  const { options, projectRef } = connection
  const dropped = settingNames(options)
  return [
    losesReference(options) ? lostReference : undefined,
    projectRef !== undefined && !PROJECT_REFERENCE.test(projectRef) ? unusualReference : undefined,
    dropped.length > 0 ? droppedOptions(dropped) : undefined
  ].filter((note) => note !== undefined)
}
