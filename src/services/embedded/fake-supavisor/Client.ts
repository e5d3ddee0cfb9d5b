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

export interface ClientIdentity extends Pick<
  ClientInfo,
  "tenant" | "role" | "database" | "applicationName" | "processId"
> {
  readonly secret: number
}

/** A Terminate message, alone in its read. */
const TERMINATE_BYTES = 5

export const isTerminate = (chunk: Buffer): boolean => chunk.length === TERMINATE_BYTES && chunk[0] === ascii.terminate

/** Parameters in the order of their names, then the key, then ReadyForQuery, in one write. */
const loginReply = (parameters: ReadonlyMap<string, string>, identity: ClientIdentity): Buffer =>
  Buffer.concat([
    ...[...parameters.keys()].toSorted().map((name) => parameterStatus(name, parameters.get(name) ?? "")),
    backendKeyData(identity.processId, identity.secret),
    readyForQuery
  ])

/** A logged-in client of either mode. */
export abstract class Client implements PoolClient {
  readonly identity: ClientIdentity
  protected readonly socket: ClientSocket
  protected readonly pool: BackendPool
  protected readonly context: ClientContext
  protected state: ClientState = "starting"
  protected backend: Backend | undefined
  protected stopping: Refusal | undefined

  constructor(socket: ClientSocket, pool: BackendPool, identity: ClientIdentity, context: ClientContext) {
    this.socket = socket
    this.pool = pool
    this.identity = identity
    this.context = context
  }

  info(): ClientInfo {
    const { secret: _, ...identity } = this.identity
    const { address, encrypted } = this.socket
    const backendPid = this.backend?.processId
    return { ...identity, mode: this.pool.mode, state: this.state, address, encrypted, backendPid }
  }

  start(): void {
    this.socket.onClosed = () => this.leave()
    if (this.socket.isClosed) this.leave()
    else this.logIn()
  }

  stopWhenIdle(refusal: Refusal): void {
    if (this.state === "idle") return this.stopNow(refusal)
    this.stopping = refusal
  }

  stopNow(refusal: Refusal | undefined): void {
    if (this.state === "ended") return
    this.end()
    // Inside a message the error would be read as part of it.
    const isReadable = refusal !== undefined && this.backend?.atBoundary !== false
    this.socket.end(isReadable ? errorResponse(refusal.fields) : undefined)
    this.dropBackend()
  }

  /** Forwards a CancelRequest while a statement runs; done when PostgreSQL has taken it, or at once. */
  abstract cancel(done: () => void): void

  /** Checks a backend out where the mode needs one, then confirms the login. */
  protected abstract logIn(): void
  protected abstract becomeIdle(): void
  protected abstract toServer(chunk: Buffer): void
  /** The client has closed the connection. */
  protected abstract leave(): void
  protected abstract cancelTimers(): void

  protected confirmLogin(parameters: ReadonlyMap<string, string>): void {
    this.context.counters.logins += 1
    this.socket.write(loginReply(parameters, this.identity))
    this.becomeIdle()
    this.socket.stream((chunk) => this.toServer(chunk))
  }

  protected dropBackend(): void {
    if (this.backend !== undefined) this.pool.drop(this.backend)
    this.backend = undefined
  }

  protected end(): void {
    this.state = "ended"
    this.cancelTimers()
    this.pool.unsubscribe(this)
    this.context.onEnded(this)
  }
}
