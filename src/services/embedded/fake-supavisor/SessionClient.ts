/** A client in session mode: it keeps one backend until it disconnects; bytes are passed on unchanged. */
import { Backend } from "./Backend.ts"
import { parameterStatus } from "./BackendMessages.ts"
import type { BackendPool } from "./BackendPool.ts"
import * as Shared from "./Client.ts"
import type { Client, ClientContext, ClientIdentity, ClientInfo, ClientState } from "./Client.ts"
import type { ClientSocket } from "./ClientSocket.ts"
import { ascii } from "./Framing.ts"
import type { Refusal } from "./Refusal.ts"

const nothing = () => {}

export class SessionClient implements Client {
  readonly identity: ClientIdentity
  readonly #socket: ClientSocket
  readonly #pool: BackendPool
  readonly #context: ClientContext
  #state: ClientState = "starting"
  #backend: Backend | undefined
  #stopping: Refusal | undefined
  #lateCancel = false
  #cancelCheckout = nothing
  #cancelHeartbeat = nothing
  #cancelIdleTimeout = nothing

  constructor(socket: ClientSocket, pool: BackendPool, identity: ClientIdentity, context: ClientContext) {
    this.#socket = socket
    this.#pool = pool
    this.identity = identity
    this.#context = context
  }

  info(): ClientInfo {
    return Shared.describe(this.identity, this.#pool, this.#socket, this.#state, this.#backend)
  }

  start(): void {
    this.#socket.onClosed = () => this.#leave()
    if (this.#socket.isClosed) return this.#leave()
    this.#cancelCheckout = this.#pool.checkout((result) => {
      if (result instanceof Backend) return this.#onBackend(result)
      this.#end()
      return this.#context.refuse(this.#socket, result)
    })
  }

  stopWhenIdle(refusal: Refusal): void {
    if (this.#state === "idle") return this.stopNow(refusal)
    this.#stopping = refusal
  }

  stopNow(refusal: Refusal | undefined): void {
    if (this.#state === "ended") return
    this.#end()
    // Inside a message the error would be read as part of it.
    Shared.endConnection(this.#socket, this.#backend?.atBoundary === false ? undefined : refusal)
    if (this.#backend !== undefined) this.#pool.drop(this.#backend)
  }

  cancel(done: () => void): void {
    if (this.#state !== "busy" || this.#backend === undefined) return done()
    this.#context.counters.cancelsRouted += 1
    if (!this.#context.lateCancel) return this.#backend.cancel(done)
    this.#lateCancel = true
    return done()
  }

  #onBackend(backend: Backend): void {
    this.#backend = backend
    const name = this.identity.applicationName
    if (name === undefined) return this.#confirmLogin(backend)
    const value = `Supavisor - ${name}`.replaceAll("'", "''").replaceAll("\\", "\\\\")
    return backend.run(`select set_config('application_name', E'${value}', false)`, "SELECT 1", (ok) => {
      if (ok || this.#state === "ended") return this.#confirmLogin(backend)
      return this.stopNow(undefined)
    })
  }

  #confirmLogin(backend: Backend): void {
    if (this.#state === "ended") return this.#clean(backend)
    if (this.#stopping !== undefined) return this.stopNow(this.#stopping)
    backend.lendTo({
      onData: (chunk, status) => this.#toClient(chunk, status),
      onClosed: () => this.stopNow(undefined)
    })
    if (backend.isClosed) return this.stopNow(undefined)
    this.#context.counters.logins += 1
    this.#socket.write(Shared.loginReply(this.#pool.parameters ?? backend.parameters, this.identity))
    this.#becomeIdle()
    return this.#socket.stream((chunk) => this.#toServer(chunk))
  }

  #toServer(chunk: Buffer): void {
    const backend = this.#backend
    if (this.#state === "ended" || backend === undefined) return
    if (Shared.isTerminate(chunk)) {
      this.#leave()
      return this.#socket.end()
    }
    this.#state = "busy"
    this.#stopIdling()
    if (!backend.write(chunk)) {
      this.#socket.pause()
      backend.onDrain(() => this.#socket.resume())
    }
    if (!this.#lateCancel) return
    this.#lateCancel = false
    backend.cancel(nothing)
  }

  #toClient(chunk: Buffer, status: number | undefined): void {
    if (!this.#socket.write(chunk)) {
      this.#backend?.pause()
      this.#socket.onDrain(() => this.#backend?.resume())
    }
    if (status === ascii.idle) this.#becomeIdle()
  }

  #becomeIdle(): void {
    this.#state = "idle"
    if (this.#stopping !== undefined) return this.stopNow(this.#stopping)
    this.#beat()
    const { clock, idleTimeoutMillis } = this.#context
    this.#cancelIdleTimeout()
    if (idleTimeoutMillis > 0) this.#cancelIdleTimeout = clock.after(idleTimeoutMillis, () => this.stopNow(undefined))
  }

  #beat(): void {
    this.#cancelHeartbeat()
    const { clock, counters, heartbeatMillis } = this.#context
    this.#cancelHeartbeat = clock.after(heartbeatMillis, () => {
      counters.heartbeats += 1
      this.#socket.write(parameterStatus("application_name", "Supavisor"))
      this.#beat()
    })
  }

  #stopIdling(): void {
    this.#cancelHeartbeat()
    this.#cancelIdleTimeout()
  }

  #leave(): void {
    const before = this.#state
    if (before === "ended") return
    this.#end()
    if (this.#backend === undefined || before === "starting") return
    if (before === "idle") return this.#clean(this.#backend)
    this.#context.counters.abandoned += 1
    this.#pool.drop(this.#backend)
  }

  /** The client has left the pool already while its backend is being cleaned. */
  #clean(backend: Backend): void {
    backend.run("DISCARD ALL", "DISCARD ALL", (ok) => {
      if (!ok) return this.#pool.drop(backend)
      this.#context.counters.discards += 1
      return this.#pool.checkin(backend)
    })
  }

  #end(): void {
    this.#state = "ended"
    this.#stopIdling()
    this.#cancelCheckout()
    this.#pool.unsubscribe(this)
    this.#context.onEnded(this)
  }
}
