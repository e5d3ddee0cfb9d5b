/** The backends and clients of one tenant, role, database, mode and search_path (Supavisor 2.9 source, manager.ex). */
import { Backend, type BackendOptions } from "./Backend.ts"
import { type PoolerClock, poolerTimes } from "./PoolerClock.ts"
import * as Refusal from "./Refusal.ts"

export type Mode = "session" | "transaction"

export interface PoolClient {
  /** Ends it with this error as soon as it is idle: at once, or after its statement or transaction. */
  readonly stopWhenIdle: (refusal: Refusal.Refusal) => void
  /** Ends it at once with this error, or with a FIN only; its backend finishes its statement. */
  readonly stopNow: (refusal: Refusal.Refusal | undefined) => void
}

export interface PoolSettings {
  readonly mode: Mode
  readonly clock: PoolerClock
  readonly backend: BackendOptions
  readonly poolSize: () => number
  readonly maxClients: number
  /** Whether session clients beyond pool_size wait for a backend, as up to 2.7. */
  readonly queue: boolean
  readonly checkoutMillis: number
  readonly onStopped: () => void
  /** Called when the number of clients changes. */
  readonly onClients: () => void
}

interface Waiter {
  readonly done: (result: Backend | Refusal.Refusal) => void
  cancelTimer: () => void
}

/**
 * SQLSTATEs that stop the whole pool: no such database, a bad search_path, no right to connect, shutting down or
 * starting up (Supavisor 2.9 source, db_handler.ex).
 */
const stopsThePool: ReadonlySet<string> = new Set(["3D000", "22023", "42501", "57P03"])

export class BackendPool {
  readonly #settings: PoolSettings
  readonly #clients = new Set<PoolClient>()
  readonly #idle: Array<Backend> = []
  readonly #idleTimers = new Map<Backend, () => void>()
  readonly #backends = new Set<Backend>()
  readonly #opening = new Set<() => void>()
  readonly #waiters: Array<Waiter> = []
  readonly #onDrained: Array<() => void> = []
  /** Of the pool's first backend; every client gets them at its login. */
  parameters: ReadonlyMap<string, string> | undefined
  #state: "open" | "draining" | "stopped" = "open"
  #coolUntil = 0
  #cancelEmptyTimer: () => void = () => {}
  #cancelDrainTimer: () => void = () => {}

  constructor(settings: PoolSettings) {
    this.#settings = settings
    this.#watchEmpty()
  }

  get mode(): Mode {
    return this.#settings.mode
  }

  get clients(): number {
    return this.#clients.size
  }

  /** The refusal when the pool is full; checked before and after the authentication. */
  refusalIfFull(): Refusal.Refusal | undefined {
    const { maxClients, mode, poolSize, queue } = this.#settings
    if (mode === "transaction") return this.clients >= maxClients ? Refusal.tooManyClients(maxClients) : undefined
    return !queue && this.clients >= poolSize() ? Refusal.tooManySessions(poolSize()) : undefined
  }

  subscribe(client: PoolClient): Refusal.Refusal | undefined {
    const refusal = this.#state === "open" ? this.refusalIfFull() : Refusal.poolStopped
    if (refusal !== undefined) return refusal
    this.#clients.add(client)
    this.#cancelEmptyTimer()
    this.#settings.onClients()
    return undefined
  }

  /** Removes a client; its backend may still be being cleaned. */
  unsubscribe(client: PoolClient): void {
    if (!this.#clients.delete(client)) return
    this.#settings.onClients()
    if (this.#clients.size > 0) return
    if (this.#state === "draining") this.#stop()
    else if (this.#state === "open") this.#watchEmpty()
  }

  /** Checks a backend out, the one used last first; the returned function cancels the checkout. */
  checkout(done: Waiter["done"]): () => void {
    const { checkoutMillis, clock, mode, queue } = this.#settings
    const waiter: Waiter = { done, cancelTimer: () => {} }
    if (this.#state !== "open") {
      done(Refusal.poolStopped)
      return () => {}
    }
    this.#waiters.push(waiter)
    waiter.cancelTimer = clock.after(checkoutMillis, () => {
      if (!this.#removeWaiter(waiter)) return
      done(queue && mode === "session" ? Refusal.queuedTooLong : Refusal.checkoutTimeout(checkoutMillis, mode))
    })
    this.#serve()
    return () => void this.#removeWaiter(waiter)
  }

  checkin(backend: Backend): void {
    if (backend.isClosed || this.#state !== "open") return this.drop(backend)
    backend.assignTo({ onData: () => {}, onClosed: () => this.drop(backend) })
    this.#idle.push(backend)
    this.#idleTimers.set(
      backend,
      this.#settings.clock.after(poolerTimes.idleBackend, () => this.drop(backend))
    )
    return this.#serve()
  }

  drop(backend: Backend): void {
    this.#takeFromIdle(backend)
    this.#backends.delete(backend)
    backend.close()
    this.#serve()
  }

  /** Stops: idle clients at once, busy ones when they become idle, all after five seconds. */
  drain(done: () => void): void {
    if (this.#state === "stopped") return done()
    this.#onDrained.push(done)
    if (this.#state === "draining") return
    this.#state = "draining"
    this.#cancelEmptyTimer()
    for (const backend of this.#idle.toReversed()) this.drop(backend)
    this.#failWaiters(Refusal.poolStopped)
    for (const client of this.#clients) client.stopWhenIdle(Refusal.poolStopped)
    if (this.#clients.size === 0) return this.#stop()
    this.#cancelDrainTimer = this.#settings.clock.after(poolerTimes.drain, () => {
      this.endClients(Refusal.poolStopped)
      this.#stop()
    })
  }

  /** Ends every client at once, with an error or with a FIN only. */
  endClients(refusal: Refusal.Refusal | undefined): void {
    for (const client of this.#clients) client.stopNow(refusal)
  }

  /** Closes every backend and stops opening more. */
  async dispose(): Promise<void> {
    const backends = [...this.#backends]
    this.#stop()
    for (const cancel of this.#opening) cancel()
    for (const backend of backends) backend.close()
    await Promise.all(backends.map((backend) => backend.closed))
  }

  #failWaiters(refusal: Refusal.Refusal): void {
    for (const waiter of this.#waiters.splice(0)) {
      waiter.cancelTimer()
      waiter.done(refusal)
    }
  }

  /** Ends all waiters with PostgreSQL's error; the next client starts a new pool. */
  #fail(refusal: Refusal.Refusal): void {
    this.#failWaiters(refusal)
    this.drain(() => {})
  }

  #watchEmpty(): void {
    this.#cancelEmptyTimer()
    this.#cancelEmptyTimer = this.#settings.clock.after(poolerTimes.emptyPool, () => this.#stop())
  }

  #stop(): void {
    if (this.#state === "stopped") return
    this.#state = "stopped"
    this.#cancelEmptyTimer()
    this.#cancelDrainTimer()
    for (const backend of this.#idle.toReversed()) this.drop(backend)
    this.#settings.onStopped()
    for (const done of this.#onDrained) done()
  }

  #removeWaiter(waiter: Waiter): boolean {
    waiter.cancelTimer()
    const index = this.#waiters.indexOf(waiter)
    if (index >= 0) this.#waiters.splice(index, 1)
    return index >= 0
  }

  #takeFromIdle(backend: Backend): void {
    this.#idleTimers.get(backend)?.()
    this.#idleTimers.delete(backend)
    const index = this.#idle.indexOf(backend)
    if (index >= 0) this.#idle.splice(index, 1)
  }

  /** pool_size and one spare (Supavisor 2.9 source, tenant_supervisor.ex); no spare when sessions queue. */
  #capacity(): number {
    const { mode, poolSize, queue } = this.#settings
    return queue && mode === "session" ? poolSize() : poolSize() + 1
  }

  #serve(): void {
    if (this.#state !== "open") return
    while (this.#waiters.length > 0 && this.#idle.length > 0) {
      const waiter = this.#waiters.shift()!
      const backend = this.#idle.at(-1)!
      this.#takeFromIdle(backend)
      waiter.cancelTimer()
      waiter.done(backend)
    }
    while (this.#opening.size < this.#waiters.length && this.#backends.size + this.#opening.size < this.#capacity()) {
      this.#open()
    }
  }

  #open(): void {
    const { backend, clock } = this.#settings
    const rest = this.#coolUntil - clock.now()
    let cancel = () => {}
    const stopOpening = () => cancel()
    this.#opening.add(stopOpening)
    const dial = () => {
      cancel = Backend.open(backend, (result) => {
        this.#opening.delete(stopOpening)
        this.#onOpened(result)
      })
    }
    if (rest > 0) cancel = clock.after(rest, dial)
    else dial()
  }

  #onOpened(result: Backend | Refusal.Refusal): void {
    if (result instanceof Backend) {
      this.#backends.add(result)
      this.parameters ??= result.parameters
      return this.checkin(result)
    }
    if (result.code === "08006") this.#coolUntil = this.#settings.clock.now() + poolerTimes.coolDown
    if (stopsThePool.has(result.code)) return this.#fail(result)
    const waiter = this.#waiters.shift()
    waiter?.cancelTimer()
    waiter?.done(result)
    return this.#serve()
  }
}
