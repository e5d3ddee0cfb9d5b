/** A client in transaction mode: it has a backend during a transaction only. */
import { Backend } from "./Backend.ts"
import type { BackendPool } from "./BackendPool.ts"
import * as Shared from "./Client.ts"
import type { Client, ClientContext, ClientIdentity, ClientInfo, ClientState } from "./Client.ts"
import type { ClientSocket } from "./ClientSocket.ts"
import { ascii, Framing } from "./Framing.ts"
import { poolerTimes } from "./PoolerClock.ts"
import type { Refusal } from "./Refusal.ts"

const nothing = () => {}

/** The parameters before the first backend is open (Supavisor 2.9 source, tenant_cache.ex). */
const storedParameters: ReadonlyMap<string, string> = new Map([["server_version", "17.0"]])

/** Messages whose reply ends with ReadyForQuery. */
const answered: ReadonlySet<number> = new Set([ascii.query, ascii.sync, ascii.functionCall])

export class TransactionClient implements Client {
  readonly identity: ClientIdentity
  readonly #socket: ClientSocket
  readonly #pool: BackendPool
  readonly #context: ClientContext
  readonly #fromClient = new Framing()
  readonly #held: Array<Buffer> = []
  #state: ClientState = "starting"
  #backend: Backend | undefined
  #stopping: Refusal | undefined
  #pending = 0
  #cancelWait = nothing

  constructor(socket: ClientSocket, pool: BackendPool, identity: ClientIdentity, context: ClientContext) {
    this.#socket = socket
    this.#pool = pool
    this.identity = identity
    this.#context = context
  }

  info(): ClientInfo {
    return Shared.describe(this.identity, this.#pool, this.#socket, this.#state, this.#backend)
  }

  /** Completes the login with the pool's parameters; the first client of a pool waits for them, bounded. */
  start(): void {
    this.#socket.onClosed = () => this.#leave()
    if (this.#socket.isClosed) return this.#leave()
    if (this.#pool.parameters !== undefined) return this.#confirmLogin()
    const cancelCheckout = this.#pool.checkout((result) => {
      // Without a database the login succeeds all the same, and the first query fails.
      if (!(result instanceof Backend)) return
      cancelTimer()
      this.#pool.checkin(result)
      this.#confirmLogin()
    })
    const cancelTimer = this.#context.clock.after(poolerTimes.parameterWait, () => {
      cancelCheckout()
      this.#confirmLogin()
    })
    this.#cancelWait = () => {
      cancelTimer()
      cancelCheckout()
    }
  }

  stopWhenIdle(refusal: Refusal): void {
    if (this.#state === "idle") return this.stopNow(refusal)
    this.#stopping = refusal
  }

  stopNow(refusal: Refusal | undefined): void {
    if (this.#state === "ended") return
    this.#end()
    Shared.endConnection(this.#socket, this.#backend?.atBoundary === false ? undefined : refusal)
    this.#dropBackend()
  }

  cancel(done: () => void): void {
    if (this.#backend === undefined) return done()
    this.#context.counters.cancelsRouted += 1
    return this.#backend.cancel(done)
  }

  #confirmLogin(): void {
    if (this.#state !== "starting") return
    this.#context.counters.logins += 1
    this.#socket.write(Shared.loginReply(this.#pool.parameters ?? storedParameters, this.identity))
    this.#becomeIdle()
    this.#socket.stream((chunk) => this.#toServer(chunk))
  }

  #toServer(chunk: Buffer): void {
    if (this.#state === "ended") return
    if (this.#state === "idle" && Shared.isTerminate(chunk)) {
      this.#leave()
      return this.#socket.end()
    }
    this.#fromClient.push(chunk, (type) => {
      if (answered.has(type)) this.#pending += 1
    })
    if (this.#backend !== undefined) return void this.#backend.write(chunk)
    this.#held.push(chunk)
    if (this.#state === "busy") return
    this.#state = "busy"
    this.#cancelWait = this.#pool.checkout((result) => {
      if (!(result instanceof Backend)) return this.stopNow(result)
      this.#backend = result
      result.lendTo({
        onData: (bytes, status, readies) => this.#toClient(bytes, status, readies),
        onClosed: () => this.stopNow(undefined)
      })
      for (const held of this.#held.splice(0)) result.write(held)
    })
  }

  #toClient(chunk: Buffer, status: number | undefined, readies: number): void {
    this.#socket.write(chunk)
    this.#pending -= readies
    const backend = this.#backend
    if (status !== ascii.idle || this.#pending > 0 || backend === undefined) return
    this.#backend = undefined
    this.#pool.checkin(backend)
    this.#becomeIdle()
  }

  #becomeIdle(): void {
    this.#state = "idle"
    this.#pending = 0
    if (this.#stopping !== undefined) this.stopNow(this.#stopping)
  }

  #leave(): void {
    if (this.#state === "ended") return
    if (this.#backend !== undefined) this.#context.counters.abandoned += 1
    this.#end()
    this.#dropBackend()
  }

  #dropBackend(): void {
    if (this.#backend !== undefined) this.#pool.drop(this.#backend)
    this.#backend = undefined
  }

  #end(): void {
    this.#state = "ended"
    this.#cancelWait()
    this.#pool.unsubscribe(this)
    this.#context.onEnded(this)
  }
}
