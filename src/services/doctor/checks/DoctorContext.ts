/** What one context has found out so far, handed from check to check. */
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
import { wordAddress } from "./Format.ts"
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import type { WireTap } from "../../wire/WireTap.ts"

/** One thing a check has to say, before secrets are taken out. */
export interface RawResult {
  readonly component?: string
  readonly target: string
  readonly status: CheckStatus
  readonly millis?: number | undefined
  readonly details: string
  readonly action?: Action | undefined
}

/** The body of a check: says its findings as they come. What it fails with becomes a result too. */
export type CheckFunction = (
  context: DoctorContext,
  emit: (result: RawResult) => Effect.Effect<void>
) => Effect.Effect<void, SessionError | SqlError, Scope.Scope>

/** What never changes during an context. */
export interface DoctorContextInput {
  readonly settings: Settings
  readonly connection: ConnectionString
  readonly endpoint: Endpoint
  readonly network: NetworkCheck["Service"]
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  /** What each check may take, in milliseconds. */
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
  /** The session that the later checks use; undefined before the login and after it was given up. */
  client: Client | undefined = undefined
  /** Whether the last login that failed had come to AuthenticationOk. */
  wasAuthenticated = false
  /** The backend that answered right after the login. */
  backend: Backend | undefined = undefined
  /** Whether a session is kept between transactions; undefined before that was proved. */
  keepsSession: boolean | undefined = undefined
  /** A second session, while it is wanted. */
  second: Client | undefined = undefined
  /** Why there is no second session. */
  secondError: SessionError | undefined = undefined
  /** How many sessions the pooler grants, where a refusal told. */
  poolSize: number | undefined = undefined

  constructor(circumstances: DoctorContextInput) {
    this.settings = circumstances.settings
    this.connection = circumstances.connection
    this.endpoint = circumstances.endpoint
    this.network = circumstances.network
    this.now = circumstances.now
    this.wallClock = circumstances.wallClock
    this.limitMillis = circumstances.limitMillis
    this.probesCapacity = circumstances.probesCapacity
  }

  /** The host and port of the connection string. */
  get hostAndPort(): string {
    return wordAddress(this.connection.host, this.connection.port)
  }

  /** Whether PostgreSQL itself gave the key at login, so that no pooler is in between. */
  get isDirect(): boolean {
    return this.backend !== undefined && this.client?.tap.processId === this.backend.pid
  }

  /** Ends all sessions at once: what waits for an answer on them fails. */
  destroyConnections(): void {
    this.client?.destroy()
    this.second?.destroy()
    this.client = undefined
    this.second = undefined
  }

  /** A failure of the way in, classified. */
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

  /** Notes what a refusal tells about the size of the pool. */
  recordPoolSize(error: SessionError): void {
    if (error.reason._tag === "ConnectFailed") this.poolSize = error.reason.ceiling ?? this.poolSize
  }
}

/** The name of a running out of time, as the catalogue knows it. */
export const timedOut = (what: string): Error => Object.assign(new Error(what), { code: "ETIMEDOUT" })

/** What failed, in the words of the catalogue and of the server; the place stands in another column. */
export const describeError = (error: SessionError): string => {
  const title = entryOf(error.code)?.title
  if (title === undefined) return error.message
  const { reason } = error
  const said = "serverMessage" in reason ? reason.serverMessage : undefined
  const state = "sqlState" in reason && reason.sqlState !== undefined ? ` (SQLSTATE ${reason.sqlState})` : ""
  const system = "systemMessage" in reason ? reason.systemMessage : undefined
  const words = said === undefined ? system : `the server said: ${said}${state}`
  return words === undefined ? `${title} [${error.code}]` : `${title} [${error.code}]; ${words}`
}

/** A result of status `fail` about a failure. */
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
  /** Says Terminate and waits, bounded, until the server has hung up. */
  readonly close: Effect.Effect<void>
  /** Destroys the socket. */
  readonly destroy: () => void
}
