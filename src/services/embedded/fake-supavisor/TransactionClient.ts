/** A client in transaction mode: it has a backend during a transaction only. */
import { Backend } from "./Backend.ts"
import { Client, isTerminate } from "./Client.ts"
import { ascii, Framing } from "./Framing.ts"
import { poolerTimes } from "./PoolerClock.ts"

/** The parameters before the first backend is open (Supavisor 2.9 source, tenant_cache.ex). */
const storedParameters: ReadonlyMap<string, string> = new Map([["server_version", "17.0"]])

/** Messages whose reply ends with ReadyForQuery. */
const answered: ReadonlySet<number> = new Set([ascii.query, ascii.sync, ascii.functionCall])

export class TransactionClient extends Client {
  readonly #fromClient = new Framing()
  readonly #held: Array<Buffer> = []
  #pending = 0
  #cancelWait = () => {}

  cancel(done: () => void): void {
    if (this.backend === undefined) return done()
    this.context.counters.cancelsRouted += 1
    return this.backend.cancel(done)
  }

  /** Needs the pool's parameters only; the first client of a pool waits for them, bounded. */
  protected logIn(): void {
    if (this.pool.parameters !== undefined) return this.#confirm()
    const cancelCheckout = this.pool.checkout((result) => {
      // Without a database the login succeeds all the same, and the first query fails.
      if (!(result instanceof Backend)) return
      cancelTimer()
      this.pool.checkin(result)
      this.#confirm()
    })
    const cancelTimer = this.context.clock.after(poolerTimes.parameterWait, () => {
      cancelCheckout()
      this.#confirm()
    })
    this.#cancelWait = () => {
      cancelTimer()
      cancelCheckout()
    }
  }

  protected becomeIdle(): void {
    this.state = "idle"
    this.#pending = 0
    if (this.stopping !== undefined) this.stopNow(this.stopping)
  }

  protected toServer(chunk: Buffer): void {
    if (this.state === "ended") return
    if (this.state === "idle" && isTerminate(chunk)) {
      this.leave()
      return this.socket.end()
    }
    this.#fromClient.push(chunk, (type) => {
      if (answered.has(type)) this.#pending += 1
    })
    if (this.backend !== undefined) return void this.backend.write(chunk)
    this.#held.push(chunk)
    if (this.state === "busy") return
    this.state = "busy"
    this.#cancelWait = this.pool.checkout((result) => {
      if (!(result instanceof Backend)) return this.stopNow(result)
      this.backend = result
      result.assignTo({
        onData: (bytes, status, readies) => this.#toClient(bytes, status, readies),
        onClosed: () => this.stopNow(undefined)
      })
      for (const held of this.#held.splice(0)) result.write(held)
    })
  }

  protected leave(): void {
    if (this.state === "ended") return
    if (this.backend !== undefined) this.context.counters.abandoned += 1
    this.end()
    this.dropBackend()
  }

  protected cancelTimers(): void {
    this.#cancelWait()
  }

  #confirm(): void {
    if (this.state === "starting") this.confirmLogin(this.pool.parameters ?? storedParameters)
  }

  #toClient(chunk: Buffer, status: number | undefined, readies: number): void {
    this.socket.write(chunk)
    this.#pending -= readies
    const { backend } = this
    if (status !== ascii.idle || this.#pending > 0 || backend === undefined) return
    this.backend = undefined
    this.pool.checkin(backend)
    this.becomeIdle()
  }
}
