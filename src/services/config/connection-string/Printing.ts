import * as Redacted from "effect/Redacted"
import type { ConnectionString } from "./Connection.ts"
import { type HostKind, projectRefOfHost } from "./HostKind.ts"
import { encode } from "./PercentEncoding.ts"
import { MASK } from "./Redaction.ts"
import { readStartupOptions } from "./StartupOptions.ts"

/** Shown characters of a project reference: enough to distinguish projects, too few to reach one. */
const SHOWN_OF_REFERENCE = 4

const KIND_NAMES: { readonly [Kind in HostKind]: string } = {
  "session-pooler": "shared pooler in session mode",
  "transaction-pooler": "shared pooler in transaction mode",
  direct: "direct connection to the database",
  "dedicated-pooler": "dedicated pooler in transaction mode",
  loopback: "this machine, mode not known from the address",
  unknown: "a host that is not Supabase's, mode not known from the address"
}

/** An IPv6 address needs brackets, and the `%` of its zone encoding. */
const hostText = (host: string): string => (host.includes(":") ? `[${host.replaceAll("%", "%25")}]` : encode(host))

const passwordText = (password: ConnectionString["password"], showPassword: boolean): string => {
  if (password === undefined) return ""
  return showPassword ? `:${encode(Redacted.value(password))}` : `:${MASK}`
}

/**
 * Writes the connection as a libpq URI that `parse` reads back to the same value.
 *
 * The password is written as `*****` unless `showPassword` is true, and then percent-encoded.
 */
export const format = (connection: ConnectionString, options?: { readonly showPassword?: boolean }): string => {
  const credentials = encode(connection.username) + passwordText(connection.password, options?.showPassword === true)
  const isInOptions = connection.searchPath === readStartupOptions(connection.options).get("search_path")
  const query = [
    ["sslmode", connection.sslMode],
    ["sslrootcert", connection.sslRootCert],
    ["sslcert", connection.sslCert],
    ["sslkey", connection.sslKey],
    [
      "sslpassword",
      connection.sslPassword && (options?.showPassword === true ? Redacted.value(connection.sslPassword) : MASK)
    ],
    ["application_name", connection.applicationName],
    ["connect_timeout", connection.connectTimeoutSeconds],
    ["options", connection.options],
    ["search_path", isInOptions ? undefined : connection.searchPath]
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encode(String(value))}`]))
  const address = `${hostText(connection.host)}:${connection.port}/${databaseText(connection.database)}`
  return `postgresql://${credentials}@${address}${query.length === 0 ? "" : `?${query.join("&")}`}`
}

const shortReference = (reference: string): string =>
  reference.length > SHOWN_OF_REFERENCE ? `…${reference.slice(-SHOWN_OF_REFERENCE)}` : reference

/** A database's name; a dot at its end would be read as the end of a sentence. */
const databaseText = (database: string): string => encode(database).replace(/\.+$/, (dots) => "%2E".repeat(dots.length))

const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]/gu, "\uFFFD")

/** One line: address, kind and mode, role, database, TLS, and the last four letters of the project. */
export const describe = (connection: ConnectionString): string => {
  const hostReference = projectRefOfHost(connection.host)
  const host = connection.host.replace(hostReference ?? "", shortReference(hostReference ?? ""))
  const address = host.includes(":") ? `[${host}]:${connection.port}` : `${host}:${connection.port}`
  const parts = [
    `${address} (${KIND_NAMES[connection.kind]})`,
    `role ${connection.role}`,
    connection.projectRef === undefined ? undefined : `project ${shortReference(connection.projectRef)}`,
    `database ${connection.database}`,
    connection.sslMode === undefined ? undefined : `sslmode ${connection.sslMode}`
  ]
  return oneLine(parts.filter((part) => part !== undefined).join(", "))
}

/** The texts that must never be printed, for `redact`: the passwords, plain and percent-encoded. */
export const secretsOf = (connection: ConnectionString): ReadonlyArray<string> => {
  const secrets = [connection.password, connection.sslPassword].flatMap((secret) =>
    secret === undefined ? [] : [Redacted.value(secret), encode(Redacted.value(secret))]
  )
  return [...new Set(secrets)]
}
