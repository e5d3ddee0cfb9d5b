/** A client after its login, in either mode: what it shows, what cancels it, and how it is greeted. */
import type { Backend } from "./Backend.ts"
import { backendKeyData, errorResponse, parameterStatus, readyForQuery } from "./BackendMessages.ts"
import type { BackendPool, Mode, PoolClient } from "./BackendPool.ts"
import type { ClientSocket } from "./ClientSocket.ts"
import type { Counters } from "./Counters.ts"
import { ascii } from "./Framing.ts"
import type { PoolerClock } from "./PoolerClock.ts"
import type { Refusal } from "./Refusal.ts"

/** `starting` until ReadyForQuery; a session in a transaction is `busy` between its statements too. */
export type ClientState = "starting" | "idle" | "busy" | "ended"

/** One client, for a test to look at. */
export interface ClientInfo {
  readonly tenant: string
  readonly role: string
  readonly database: string
  readonly mode: Mode
  readonly state: ClientState
  readonly applicationName: string | undefined
  readonly address: string
  readonly encrypted: boolean
  /** As told to the client in BackendKeyData: a number of the pooler's own. */
  readonly processId: number
  /** `pg_backend_pid()` of the backend it has now. */
  readonly backendPid: number | undefined
}

/** What a client needs of the pooler. */
export interface ClientContext {
  readonly clock: PoolerClock
  readonly counters: Counters
  readonly heartbeatMillis: number
  /** 0: never. */
  readonly idleTimeoutMillis: number
  readonly lateCancel: boolean
  readonly refuse: (socket: ClientSocket, refusal: Refusal) => void
  readonly onEnded: (client: Client) => void
}

export interface ClientIdentity {
  readonly tenant: string
  readonly role: string
  readonly database: string
  readonly applicationName: string | undefined
  readonly processId: number
  readonly secret: number
}

/** What a logged-in client can be asked, in either mode. */
export interface Client extends PoolClient {
  readonly identity: ClientIdentity
  readonly info: () => ClientInfo
  /** Passes a CancelRequest on while something runs; done when PostgreSQL has taken it, or at once. */
  readonly cancel: (done: () => void) => void
  /** Begins: asks for a backend where the mode needs one, then greets. */
  readonly start: () => void
}

/** A Terminate message, alone in its read: what a client says that leaves in order. */
const TERMINATE_BYTES = 5

export const isTerminate = (chunk: Buffer): boolean => chunk.length === TERMINATE_BYTES && chunk[0] === ascii.terminate

/** Parameters in the order of their names, then the key, then ReadyForQuery, in one write. */
export const greeting = (parameters: ReadonlyMap<string, string>, identity: ClientIdentity): Buffer =>
  Buffer.concat([
    ...[...parameters.keys()].toSorted().map((name) => parameterStatus(name, parameters.get(name) ?? "")),
    backendKeyData(identity.processId, identity.secret),
    readyForQuery
  ])

/** Ends a connection with an answer, or with nothing but a FIN. */
export const farewell = (socket: ClientSocket, refusal: Refusal | undefined): void =>
  socket.end(refusal === undefined ? undefined : errorResponse(refusal.fields))

/** Shows a client to a test. */
export const describe = (
  identity: ClientIdentity,
  pool: BackendPool,
  socket: ClientSocket,
  state: ClientState,
  backend: Backend | undefined
): ClientInfo => ({
  tenant: identity.tenant,
  role: identity.role,
  database: identity.database,
  mode: pool.mode,
  state,
  applicationName: identity.applicationName,
  address: socket.address,
  encrypted: socket.encrypted,
  processId: identity.processId,
  backendPid: backend?.processId
})
