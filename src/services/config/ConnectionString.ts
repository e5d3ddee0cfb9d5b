/**
 * Connection strings of Supabase projects and other PostgreSQL servers: read, explained, checked, written and redacted.
 *
 * Everything here is pure and synchronous.
 */
import { assemble, type ConnectionString, type Parts } from "./connection-string/Connection.ts"
import { notesOf } from "./connection-string/Diagnosis.ts"

export type { ConnectionString, Parts, SslMode } from "./connection-string/Connection.ts"
export { sslModes } from "./connection-string/Connection.ts"
export type { ConnectionMode, ModeCheck } from "./connection-string/ConnectionMode.ts"
export { checkMode } from "./connection-string/ConnectionMode.ts"
export type { HostKind } from "./connection-string/HostKind.ts"
export { parse } from "./connection-string/Parsing.ts"
export { describe, format, secretsOf } from "./connection-string/Printing.ts"
export type { Note, Problem } from "./connection-string/Problem.ts"
export { redact } from "./connection-string/Redaction.ts"

/**
 * Makes a connection from its fields, for use from code.
 *
 * Nothing is refused: read `notes`, and `parse(format(connection, { showPassword: true }))` for the full check.
 * Defaults: port 5432, role `postgres`, database `postgres` on Supabase's hosts and the role's name elsewhere.
 */
export const make = (parts: Parts): ConnectionString => {
  const connection = assemble(parts)
  return { ...connection, notes: notesOf(connection) }
}
