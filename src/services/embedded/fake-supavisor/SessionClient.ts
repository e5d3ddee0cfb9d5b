/** A client in session mode: it keeps one backend until it disconnects; bytes are passed on unchanged. */
import { Backend } from "./Backend.ts"
import { parameterStatus } from "./BackendMessages.ts"
import { Client, isTerminate } from "./Client.ts"
import { ascii } from "./Framing.ts"

const nothing = () => {}

export class SessionClient extends Client {
  #lateCancel = false
  #cancelCheckout = nothing
  #cancelHeartbeat = nothing
  #cancelIdleTimeout = nothing

  cancel(done: () => void): void {
    if (this.state !== "busy" || this.backend === undefined) return done()
    this.context.counters.cancelsRouted += 1
    if (!this.context.lateCancel) return this.backend.cancel(done)
    this.#lateCancel = true
    return done()
  }

  protected logIn(): void {
    this.#cancelCheckout = this.pool.checkout((result) => {
      if (result instanceof Backend) return this.#onBackend(result)
      this.end()
      return this.context.refuse(this.socket, result)
    })
  }

  protected becomeIdle(): void {
    this.state = "idle"
    if (this.stopping !== undefined) return this.stopNow(this.stopping)
    this.#beat()
    const { clock, idleTimeoutMillis } = this.context
    this.#cancelIdleTimeout()
    if (idleTimeoutMillis > 0) this.#cancelIdleTimeout = clock.after(idleTimeoutMillis, () => this.stopNow(undefined))
  }

  protected toServer(chunk: Buffer): void {
    const { backend } = this
    if (this.state === "ended" || backend === undefined) return
    if (isTerminate(chunk)) {
      this.leave()
      return this.socket.end()
    }
    this.state = "busy"
    this.#stopIdling()
    if (!backend.write(chunk)) {
      this.socket.pause()
      backend.onDrain(() => this.socket.resume())
    }
    if (!this.#lateCancel) return
    this.#lateCancel = false
    backend.cancel(nothing)
  }

  protected leave(): void {
    const before = this.state
    if (before === "ended") return
    this.end()
    if (this.backend === undefined || before === "starting") return
    if (before === "idle") return this.#clean(this.backend)
    this.context.counters.abandoned += 1
    this.dropBackend()
  }

  protected cancelTimers(): void {
    this.#stopIdling()
    this.#cancelCheckout()
  }

  #onBackend(backend: Backend): void {
    this.backend = backend
    const name = this.identity.applicationName
    if (name === undefined) return this.#startSession(backend)
    const value = `Supavisor - ${name}`.replaceAll("'", "''").replaceAll("\\", "\\\\")
    return backend.run(`select set_config('application_name', E'${value}', false)`, "SELECT 1", (ok) => {
      if (ok || this.state === "ended") return this.#startSession(backend)
      return this.stopNow(undefined)
    })
  }

  #startSession(backend: Backend): void {
    if (this.state === "ended") return this.#clean(backend)
    if (this.stopping !== undefined) return this.stopNow(this.stopping)
    backend.assignTo({
      onData: (chunk, status) => this.#toClient(chunk, status),
      onClosed: () => this.stopNow(undefined)
    })
    if (backend.isClosed) return this.stopNow(undefined)
    return this.confirmLogin(this.pool.parameters ?? backend.parameters)
  }

  #toClient(chunk: Buffer, status: number | undefined): void {
    if (!this.socket.write(chunk)) {
      this.backend?.pause()
      this.socket.onDrain(() => this.backend?.resume())
    }
    if (status === ascii.idle) this.becomeIdle()
  }

  #beat(): void {
    this.#cancelHeartbeat()
    const { clock, counters, heartbeatMillis } = this.context
    this.#cancelHeartbeat = clock.after(heartbeatMillis, () => {
      counters.heartbeats += 1
      this.socket.write(parameterStatus("application_name", "Supavisor"))
      this.#beat()
    })
  }

  #stopIdling(): void {
    this.#cancelHeartbeat()
    this.#cancelIdleTimeout()
  }

  /** The client has left the pool already while its backend is being cleaned. */
  #clean(backend: Backend): void {
    backend.run("DISCARD ALL", "DISCARD ALL", (ok) => {
      if (!ok) return this.pool.drop(backend)
      this.context.counters.discards += 1
      return this.pool.checkin(backend)
    })
  }
}
