/** What clients of both modes have in common. */
import type { Backend } from "./Backend.ts"
import { backendKeyData, errorResponse, parameterStatus, readyForQuery } from "./BackendMessages.ts"
import type { BackendPool, Mode, PoolClient } from "./BackendPool.ts"
import type { ClientSocket } from "./ClientSocket.ts"
import type { Counters } from "./Counters.ts"
import { ascii } from "./Framing.ts"
import type { PoolerClock } from "./PoolerClock.ts"
import type { Refusal } from "./Refusal.ts"

/** `starting` until ReadyForQuery; a session in a transaction stays `busy` between its statements. */
export type ClientState = "starting" | "idle" | "busy" | "ended"

/** One client, as tests see it. */
export interface ClientInfo {
  readonly tenant: string
  readonly role: string
  readonly database: string
  readonly mode: Mode
  readonly state: ClientState
  readonly applicationName: string | undefined
  readonly address: string
  readonly encrypted: boolean
  /** As sent in BackendKeyData: chosen by the pooler. */
  readonly processId: number
  /** `pg_backend_pid()` of its current backend. */
  readonly backendPid: number | undefined
}

/** What a client needs from the pooler. */
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

/** A logged-in client of either mode. */
export interface Client extends PoolClient {
  readonly identity: ClientIdentity
  readonly info: () => ClientInfo
  /** Forwards a CancelRequest while a statement runs; done when PostgreSQL has taken it, or at once. */
  readonly cancel: (done: () => void) => void
  /** Checks a backend out where the mode needs one, then completes the login. */
  readonly start: () => void
}

/** A Terminate message, alone in its read. */
const TERMINATE_BYTES = 5

export const isTerminate = (chunk: Buffer): boolean => chunk.length === TERMINATE_BYTES && chunk[0] === ascii.terminate

/** Parameters in the order of their names, then the key, then ReadyForQuery, in one write. */
export const loginReply = (parameters: ReadonlyMap<string, string>, identity: ClientIdentity): Buffer =>
  Buffer.concat([
    ...[...parameters.keys()].toSorted().map((name) => parameterStatus(name, parameters.get(name) ?? "")),
    backendKeyData(identity.processId, identity.secret),
    readyForQuery
  ])

/** Ends a connection with an error, or with a FIN only. */
export const endConnection = (socket: ClientSocket, refusal: Refusal | undefined): void =>
  socket.end(refusal === undefined ? undefined : errorResponse(refusal.fields))

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
