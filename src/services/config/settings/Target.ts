/**
 * Which database the settings point at, what kind of session it grants, and who said so.
 */
import { checkMode, type ConnectionString, describe, type HostKind } from "../ConnectionString.ts"
import { hidden, type Problem } from "./Problem.ts"
import type { ConnectionType } from "./Settings.ts"
import { exampleUrl } from "./Variables.ts"

/** A type that needs a connection string. */
export type SessionType = Exclude<ConnectionType, "embedded">

/** The place the sessions go to, and everything that is to be said about how it was found. */
export interface Target {
  readonly connection: ConnectionString | undefined
  readonly connectionType: ConnectionType
  readonly source: string
  readonly notes: ReadonlyArray<string>
  readonly warnings: ReadonlyArray<string>
  readonly problems: ReadonlyArray<Problem>
}

/** A problem or a note of the connection string as one sentence or two. */
export const spoken = (said: { readonly message: string; readonly remedy: string }): string =>
  [said.message, said.remedy]
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => (/[.!?]$/.test(part) ? part : `${part}.`))
    .join(" ")

const otherHosts: Partial<Record<HostKind, string>> = {
  direct: "the database itself",
  loopback: "this machine",
  unknown: "a host that is not Supabase's pooler"
}

/**
 * The type for a connection string that came without one.
 *
 * A host that is no pooler is taken as `direct`, except when the user name carries a project reference, as
 * self-hosted Supavisor wants it (Supavisor 2.9 source, client_handler.ex).
 */
const typeOf = (
  connection: ConnectionString,
  source: string,
  typeName: string
): { readonly type: SessionType; readonly notes: ReadonlyArray<string> } => {
  const place = otherHosts[connection.kind]
  if (place === undefined) return { type: "supavisor_session", notes: [] }
  return connection.projectRef !== undefined && connection.kind !== "direct"
    ? {
        type: "supavisor_session",
        notes: [
          `${source} names ${place} and a project in the user name, so it is taken as a self-hosted Supavisor in ` +
            `session mode. Set ${typeName} to say otherwise.`
        ]
      }
    : {
        type: "direct",
        notes: [`${source} names ${place}, so ${typeName} is taken as direct. Set it to say otherwise.`]
      }
}

/** What is known about a place before its type is decided. */
interface Candidate {
  readonly connection: ConnectionString
  /** What the value is called in messages: a variable or a field. */
  readonly name: string
  readonly source: string
  /** What the setting of the type is called in messages. */
  readonly typeName: string
  readonly type: SessionType | undefined
  /** The type when none is given and the host may not decide. */
  readonly assumed: "supavisor_session" | undefined
}

const transactionTimeouts =
  "Under supavisor_transaction the statement and idle-in-transaction timeouts are watched on the client only, because " +
  "no session setting outlives its transaction."

/** Embedded settings: no place yet. */
export const embedded = (warnings: ReadonlyArray<string>): Target => ({
  connection: undefined,
  connectionType: "embedded",
  source: "embedded",
  notes: [],
  warnings,
  problems: []
})

/** Decides the type of a place and checks that the place can grant it. */
export const decide = (candidate: Candidate): Target => {
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
      ...connection.notes.map(spoken),
      ...mode.notes.map(spoken),
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

/** A connection string that cannot be read: nothing of it is shown, because nobody knows where its password is. */
export const unreadable = (
  said: ReadonlyArray<{ readonly message: string; readonly remedy: string }>,
  name: string,
  source: string,
  type: SessionType | undefined
): Target => ({
  connection: undefined,
  connectionType: type ?? "supavisor_session",
  source,
  notes: [],
  warnings: [],
  problems: said.map(({ message, remedy }) => ({
    name,
    received: hidden,
    expected: `must be a usable connection string: ${message}`,
    remedy,
    example: exampleUrl
  }))
})

/** A type was asked for and nothing says where. */
export const missing = (name: string, source: string, typeName: string, type: SessionType): Target => ({
  connection: undefined,
  connectionType: type,
  source,
  notes: [],
  warnings: [],
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
