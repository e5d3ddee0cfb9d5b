/** The database that the settings select, and its connection type. */
import { sentence } from "../../errors/Wording.ts"
import { checkMode, type ConnectionString, describe, type HostKind, type Note } from "../ConnectionString.ts"
import { hidden, type Problem } from "./Problem.ts"
import type { ConnectionType } from "./Settings.ts"
import { exampleUrl } from "./Variables.ts"

/** A type that needs a connection string. */
export type SessionType = Exclude<ConnectionType, "embedded">

/** The database that sessions connect to, with notes, warnings and problems of its selection. */
export interface Target {
  readonly connection: ConnectionString | undefined
  readonly connectionType: ConnectionType
  readonly source: string
  readonly notes: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
  readonly problems: ReadonlyArray<Problem>
}

/** A problem or a note of the connection string as one or two sentences. */
export const sentencesOf = ({ message, remedy }: Pick<Note, "message" | "remedy">): string =>
  `${sentence(message.trim())} ${sentence(remedy.trim())}`.trim()

const otherHosts: Partial<Record<HostKind, string>> = {
  direct: "the database itself",
  loopback: "this machine",
  unknown: "a host that is not Supabase's pooler"
}

/**
 * The type of a connection string that was given without one.
 *
 * A host that is no pooler is taken as `direct`, except when the user name has a project reference, as self-hosted
 * Supavisor requires it (Supavisor 2.9 source, client_handler.ex).
 */
const typeOf = (
  connection: ConnectionString,
  source: string,
  typeName: string
): { readonly type: SessionType; readonly notes: ReadonlyArray<string> } => {
  const host = otherHosts[connection.kind]
  if (host === undefined) return { type: "supavisor_session", notes: [] }
  if (connection.projectRef === undefined || connection.kind === "direct") {
    const note = `${source} names ${host}, so ${typeName} is taken as direct. Set it for another type.`
    return { type: "direct", notes: [note] }
  }
  const note =
    `${source} names ${host} and a project in the user name, so it is taken as a self-hosted Supavisor in ` +
    `session mode. Set ${typeName} for another type.`
  return { type: "supavisor_session", notes: [note] }
}

/** A connection before its type is decided. */
interface Candidate {
  readonly connection: ConnectionString
  /** The name of the value in messages: a variable or a key. */
  readonly name: string
  readonly source: string
  /** The name of the type's setting in messages. */
  readonly typeName: string
  readonly type: SessionType | undefined
  /** The type when none is given and the host may not decide. */
  readonly assumed: "supavisor_session" | undefined
}

const transactionTimeouts =
  "Under supavisor_transaction the statement and idle-in-transaction timeouts are enforced on the client only, because " +
  "no session setting outlives its transaction."

const withoutConnection = { connection: undefined, notes: [], warnings: [] } as const

/** The embedded server, which has no connection yet. */
export const embedded = (warnings: ReadonlyArray<string>): Target => ({
  ...withoutConnection,
  connectionType: "embedded",
  source: "embedded",
  warnings,
  problems: []
})

/** Decides the type of a connection and checks that its address can serve it. */
export const decideTarget = (candidate: Candidate): Target => {
  const { assumed, connection, name, source, type, typeName } = candidate
  const derived = typeOf(connection, name, typeName)
  const connectionType = type ?? assumed ?? derived.type
  const mode = checkMode(connection, connectionType)
  return {
    connection,
    connectionType,
    source,
    notes: [
      ...(type === undefined && assumed === undefined ? derived.notes : []),
      ...connection.notes.map(sentencesOf),
      ...mode.notes.map(sentencesOf),
      ...(connectionType === "supavisor_transaction" ? [transactionTimeouts] : [])
    ],
    warnings: [],
    problems: mode.problems.map(({ message, remedy }) => ({
      name,
      received: describe(connection),
      expected: `must fit ${typeName} ${connectionType}: ${message}`,
      remedy
    }))
  }
}

/** No connection string and no type, while variables of other programs name a database: no temporary one is started. */
export const namedElsewhere = (name: string, typeName: string, others: ReadonlyArray<string>): Target => ({
  ...embedded([]),
  problems: [
    {
      name,
      received: undefined,
      expected: `a connection string: ${others.join(", ")} ${others.length === 1 ? "is" : "are"} set, and not read here`,
      remedy: `Set ${name} to the connection string, or ${typeName}=embedded for a temporary database`
    }
  ]
})

/** A connection string that cannot be read: no part of it is shown, because any part may be the password. */
export const unreadable = (
  problems: ReadonlyArray<Pick<Note, "message" | "remedy">>,
  name: string,
  source: string,
  type: SessionType | undefined
): Target => ({
  ...withoutConnection,
  connectionType: type ?? "supavisor_session",
  source,
  problems: problems.map(({ message, remedy }) => ({
    name,
    received: hidden,
    expected: `must be a usable connection string: ${message}`,
    remedy,
    example: exampleUrl
  }))
})

/** A type that needs a connection string, without one. */
export const missing = (name: string, source: string, typeName: string, type: SessionType): Target => ({
  ...withoutConnection,
  connectionType: type,
  source,
  problems: [
    {
      name,
      received: undefined,
      expected: `a connection string, because ${typeName} is ${type}`,
      remedy: "It is in the Dashboard under Connect, Session pooler",
      example: exampleUrl
    }
  ]
})
