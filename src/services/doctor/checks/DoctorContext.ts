/** The shared state of a run, and the results of its checks. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { ConnectionString } from "../../config/ConnectionString.ts"
import { SESSION_PORT } from "../../config/connection-string/HostKind.ts"
import { entryOf } from "../../errors/catalogue/Entries.ts"
import type { NetworkCheck } from "../NetworkCheck.ts"
import type { Settings } from "../../config/settings/Settings.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { Phase } from "../../errors/catalogue/Entry.ts"
import type { Backend } from "../../session/SessionModeCheck.ts"
import type { Address, Endpoint } from "../../wire/Transport.ts"
import { actionFor } from "./Actions.ts"
import type { Action, CheckStatus } from "./DoctorReport.ts"
import { wordEndpoint } from "../../errors/Wording.ts"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import type { WireTap } from "../../wire/WireTap.ts"

/** A result of a check, before secrets are removed. */
export interface RawResult {
  readonly component?: string
  readonly target: string
  readonly status: CheckStatus
  readonly millis?: number | undefined
  readonly details: string
  readonly action?: Action | undefined
}

/** Runs a check and emits its results; a failure becomes a result too. */
export type CheckFunction = (
  context: DoctorContext,
  emit: (result: RawResult) => Effect.Effect<void>
) => Effect.Effect<void, SessionError | SqlError, Scope.Scope>

/** The state that the checks of one run share. */
export interface DoctorContext {
  readonly settings: Settings
  readonly connection: ConnectionString
  readonly endpoint: Endpoint
  /** The host and port of the connection string. */
  readonly hostAndPort: string
  readonly network: NetworkCheck["Service"]
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** Time limit of each check, in milliseconds. */
  readonly limitMillis: number
  readonly probesCapacity: boolean
  /** The error of a failed connection attempt. */
  readonly failure: (phase: Phase, since: number, failure: unknown, authenticated?: boolean) => SessionError

  /** The addresses a session would use. */
  addresses: ReadonlyArray<Address>
  /** The first address that accepted a connection. */
  reachableAddress: string | undefined
  /** The connection that later checks use; undefined before the login and after a timeout destroyed it. */
  client: DoctorClient | undefined
  /** Whether the last failed login received AuthenticationOk. */
  wasAuthenticated: boolean
  /** The backend that answered right after the login. */
  backend: Backend | undefined
  /** Whether PostgreSQL itself answers: the key of the login carries the backend's process id. */
  isDirect: boolean
  /** Whether the server keeps a session between transactions; undefined before the session check. */
  keepsSession: boolean | undefined
  /** The second connection, while checks use it. */
  second: DoctorClient | undefined
  /** Why there is no second connection. */
  secondError: SessionError | undefined
  /** The pooler's pool size, known from a refused login. */
  poolSize: number | undefined
}

/** The state at the start of a run. */
export const makeContext = (
  input: Pick<
    DoctorContext,
    "settings" | "connection" | "endpoint" | "network" | "now" | "wallClock" | "limitMillis" | "probesCapacity"
  >
): DoctorContext => {
  const { host, port } = input.connection
  return {
    ...input,
    hostAndPort: wordEndpoint(host, port),
    failure: (phase, since, failure, authenticated = false) =>
      SessionError.connectFailed({ host, port, phase, elapsedMillis: input.now() - since, failure, authenticated }),
    addresses: [],
    reachableAddress: undefined,
    client: undefined,
    wasAuthenticated: false,
    backend: undefined,
    isDirect: false,
    keepsSession: undefined,
    second: undefined,
    secondError: undefined,
    poolSize: undefined
  }
}

/** An error with the code that the catalogue uses for timeouts. */
export const timedOut = (what: string): Error => Object.assign(new Error(what), { code: "ETIMEDOUT" })

/** The catalogue's title, the code and the server's message; without the address, which has its own column. */
export const describeError = (error: SessionError): string => {
  const title = entryOf(error.code)?.title
  if (title === undefined) return error.message
  const { reason } = error
  const serverMessage = "serverMessage" in reason ? reason.serverMessage : undefined
  const state = "sqlState" in reason && reason.sqlState !== undefined ? ` (SQLSTATE ${reason.sqlState})` : ""
  const system = "systemMessage" in reason ? reason.systemMessage : undefined
  const message = serverMessage === undefined ? system : `server message: ${serverMessage}${state}`
  return message === undefined ? `${title} [${error.code}]` : `${title} [${error.code}]; ${message}`
}

/** A result with the status `fail`. */
export const failedResult = (
  context: DoctorContext,
  error: SessionError,
  result: Pick<RawResult, "target" | "millis" | "component">,
  hint = ""
): RawResult => ({
  ...result,
  status: "fail",
  details: `${describeError(error)}${hint}`,
  action: actionFor(error, context.connection)
})

/** Codes of a peer that did not answer as PostgreSQL does; a refusal by PostgreSQL or the pooler has others. */
const NO_POSTGRES: ReadonlySet<string> = new Set([
  "PROTOCOL_DESYNC",
  "MESSAGE_TOO_LARGE",
  "CONNECT_UNKNOWN",
  "CONNECTION_CLOSED",
  "TLS_CLOSED",
  "ETIMEDOUT",
  "ECONNRESET",
  "EPIPE"
])

/** The result of a failed dial: names the service when another one than PostgreSQL answers at the address. */
export const failedDial = Effect.fnUntraced(function* (
  context: DoctorContext,
  error: SessionError,
  result: RawResult
): Effect.fn.Return<RawResult> {
  const { connection, network, reachableAddress: address } = context
  const isAnswer = "serverMessage" in error.reason && error.reason.serverMessage !== undefined
  if (context.wasAuthenticated || isAnswer || address === undefined || !NO_POSTGRES.has(error.code)) return result
  // Before the login, PostgreSQL sends no message that cannot be read.
  const isGarbled = error.code === "MESSAGE_TOO_LARGE" || error.code === "PROTOCOL_DESYNC"
  const service = (yield* network.service(address, connection.port)) ?? (isGarbled ? "another service" : undefined)
  return service === undefined
    ? result
    : {
        ...result,
        details: `this is not PostgreSQL: ${service} answers at ${context.hostAndPort}`,
        action: {
          text:
            `Check host and port: PostgreSQL and the pooler's session mode have port ${SESSION_PORT}. ` +
            "A proxy in between must pass PostgreSQL's protocol on, its request for TLS included.",
          commands: []
        }
      }
})

/** A logged-in connection. */
export interface DoctorClient {
  readonly connection: PgConnection.PgConnection
  readonly tap: WireTap
  readonly isEncrypted: boolean
  /** Sends Terminate and waits, with a time limit, until the server has closed the connection. */
  readonly close: Effect.Effect<void>
  /** Destroys the socket. */
  readonly destroy: () => void
}
