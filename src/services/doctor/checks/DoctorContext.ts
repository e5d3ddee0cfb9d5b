/** The state that the checks of one run share. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SqlError } from "effect/sql/SqlError"
import type { ConnectionString } from "../../config/ConnectionString.ts"
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

/** The fixed part of a run's state. */
export interface DoctorContextInput {
  readonly settings: Settings
  readonly connection: ConnectionString
  readonly endpoint: Endpoint
  readonly network: NetworkCheck["Service"]
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** Time limit of each check, in milliseconds. */
  readonly limitMillis: number
  readonly probesCapacity: boolean
}

export class DoctorContext implements DoctorContextInput {
  readonly settings: Settings
  readonly connection: ConnectionString
  readonly endpoint: Endpoint
  readonly network: NetworkCheck["Service"]
  readonly now: () => number
  readonly wallClock: () => number
  readonly limitMillis: number
  readonly probesCapacity: boolean

  /** The addresses a session would use. */
  addresses: ReadonlyArray<Address> = []
  /** The first address that accepted a connection. */
  reachableAddress: string | undefined = undefined
  /** The connection that later checks use; undefined before the login and after a timeout destroyed it. */
  client: Client | undefined = undefined
  /** Whether the last failed login received AuthenticationOk. */
  wasAuthenticated = false
  /** The backend that answered right after the login. */
  backend: Backend | undefined = undefined
  /** Whether the server keeps a session between transactions; undefined before the session check. */
  keepsSession: boolean | undefined = undefined
  /** The second connection, while checks use it. */
  second: Client | undefined = undefined
  /** Why there is no second connection. */
  secondError: SessionError | undefined = undefined
  /** The pooler's pool size, known from a refused login. */
  poolSize: number | undefined = undefined

  constructor(input: DoctorContextInput) {
    this.settings = input.settings
    this.connection = input.connection
    this.endpoint = input.endpoint
    this.network = input.network
    this.now = input.now
    this.wallClock = input.wallClock
    this.limitMillis = input.limitMillis
    this.probesCapacity = input.probesCapacity
  }

  /** The host and port of the connection string. */
  get hostAndPort(): string {
    return wordEndpoint(this.connection.host, this.connection.port)
  }

  /** Whether the key of the login carries the backend's process id, which means that there is no pooler. */
  get isDirect(): boolean {
    return this.backend !== undefined && this.client?.tap.processId === this.backend.pid
  }

  /** Destroys the connections; statements in flight fail. */
  destroyConnections(): void {
    this.client?.destroy()
    this.second?.destroy()
    this.client = undefined
    this.second = undefined
  }

  /** The error of a failed connection attempt. */
  failure(phase: Phase, since: number, failure: unknown, authenticated = false): SessionError {
    return SessionError.connectFailed({
      host: this.connection.host,
      port: this.connection.port,
      phase,
      elapsedMillis: this.now() - since,
      failure,
      authenticated
    })
  }

  /** Records the pool size that a refused login states. */
  recordPoolSize(error: SessionError): void {
    if (error.reason._tag === "ConnectFailed") this.poolSize = error.reason.ceiling ?? this.poolSize
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
  const message = serverMessage === undefined ? system : `the server said: ${serverMessage}${state}`
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

/** A logged-in connection. */
export interface Client {
  readonly connection: PgConnection.PgConnection
  readonly tap: WireTap
  readonly isEncrypted: boolean
  /** Sends Terminate and waits, with a time limit, until the server has closed the connection. */
  readonly close: Effect.Effect<void>
  /** Destroys the socket. */
  readonly destroy: () => void
}
