/** The pooler of FakeSupavisor: tenants, pools, breakers and clients. */
import type { Socket } from "node:net"
import type { SecureContext } from "node:tls"
import { AuthBreaker, credentialLimits, loginLimits } from "./AuthBreaker.ts"
import { BackendPool, type Mode, type PoolSettings } from "./BackendPool.ts"
import type { Client, ClientContext, ClientIdentity } from "./Client.ts"
import { ClientSocket } from "./ClientSocket.ts"
import { zeroCounters } from "./Counters.ts"
import type { PoolerClock } from "./PoolerClock.ts"
import { banned, type Refusal, tooManyPools } from "./Refusal.ts"
import { SessionClient } from "./SessionClient.ts"
import type { Tenant } from "./Tenant.ts"
import { TransactionClient } from "./TransactionClient.ts"

export interface PoolerSettings
  extends
    Pick<PoolSettings, "clock" | "queue" | "maxClients" | "checkoutMillis">,
    Pick<ClientContext, "lateCancel" | "heartbeatMillis" | "idleTimeoutMillis"> {
  readonly tenants: ReadonlyArray<Tenant>
  readonly tls: { readonly context: SecureContext; readonly required: boolean } | undefined
  readonly version: string
}

/** Connections with the same identity share a pool (Supavisor 2.9 source, supavisor.ex). */
export interface PoolIdentity {
  readonly tenant: Tenant
  readonly role: string
  readonly mode: Mode
  readonly database: string
  readonly searchPath: string | undefined
  readonly encrypted: boolean
}

/** Runs the login of a connection; the promise never rejects. */
export type Admit = (pooler: Pooler, socket: ClientSocket, mode: Mode) => Promise<void>

/** Limit of pools for one tenant (Supavisor 2.9.5 source, supavisor.ex). */
const MAX_POOLS = 50

const poolKey = ({ database, encrypted, mode, role, searchPath, tenant }: PoolIdentity): string =>
  JSON.stringify([tenant.reference, role, mode, database, searchPath, encrypted])

export class Pooler {
  readonly settings: PoolerSettings
  readonly clock: PoolerClock
  readonly counters = zeroCounters()
  readonly loginBreaker: AuthBreaker
  readonly credentialBreaker: AuthBreaker
  readonly #sockets = new Set<ClientSocket>()
  readonly #pools = new Map<string, { readonly identity: PoolIdentity; readonly pool: BackendPool }>()
  readonly #clients = new Map<number, Client>()
  readonly #context: ClientContext
  readonly #admit: Admit
  readonly #onChange: () => void
  #lastProcessId = 0
  /** The most clients in session pools at any time. */
  maxSessions = 0

  constructor(settings: PoolerSettings, admit: Admit, onChange: () => void) {
    this.settings = settings
    this.clock = settings.clock
    this.#admit = admit
    this.#onChange = onChange
    this.loginBreaker = new AuthBreaker(loginLimits, settings.clock)
    this.credentialBreaker = new AuthBreaker(credentialLimits, settings.clock)
    this.#context = {
      ...settings,
      counters: this.counters,
      refuse: (socket, refusal) => this.refuse(socket, refusal),
      onEnded: (client) => {
        this.#clients.delete(client.identity.processId)
        this.#onChange()
      }
    }
  }

  get clients(): ReadonlyArray<Client> {
    return [...this.#clients.values()]
  }

  accept(socket: Socket, mode: Mode): void {
    this.counters.accepted += 1
    const client = new ClientSocket(socket, this.clock)
    this.#sockets.add(client)
    void client.closed.then(() => this.#sockets.delete(client))
    void this.#admit(this, client, mode)
  }

  refuse(socket: ClientSocket, refusal: Refusal): void {
    const { refusalsByCode } = this.counters
    this.counters.refusals += 1
    refusalsByCode.set(refusal.code, (refusalsByCode.get(refusal.code) ?? 0) + 1)
    socket.refuse(refusal)
  }

  runningPool(identity: PoolIdentity): BackendPool | undefined {
    return this.#pools.get(poolKey(identity))?.pool
  }

  /** The pool of this identity, started if necessary. */
  poolFor(identity: PoolIdentity): BackendPool | Refusal {
    const key = poolKey(identity)
    const running = this.#pools.get(key)
    if (running !== undefined) return running.pool
    const siblings = [...this.#pools.values()].filter((other) => other.identity.tenant === identity.tenant)
    const upstream = identity.tenant.upstreamOf(identity.role)
    if (siblings.length >= MAX_POOLS || upstream === undefined) return tooManyPools
    const { database, mode, searchPath } = identity
    const pool = new BackendPool({
      ...this.settings,
      mode,
      backend: { upstream, database, searchPath, clock: this.clock },
      poolSize: () => identity.tenant.poolSizeOf(identity.role),
      onStopped: () => {
        if (this.#pools.get(key)?.pool === pool) this.#pools.delete(key)
      },
      onClients: () => {
        let sessions = 0
        for (const { pool } of this.#pools.values()) if (pool.mode === "session") sessions += pool.clients
        this.maxSessions = Math.max(this.maxSessions, sessions)
        this.#onChange()
      }
    })
    this.#pools.set(key, { identity, pool })
    return pool
  }

  addClient(socket: ClientSocket, pool: BackendPool, identity: Omit<ClientIdentity, "processId" | "secret">): void {
    this.#lastProcessId += 1
    // 31 bits, so that the number is the same signed and unsigned.
    const secret = Math.floor(Math.random() * 2 ** 31)
    const full: ClientIdentity = { ...identity, processId: this.#lastProcessId, secret }
    const client =
      pool.mode === "session"
        ? new SessionClient(socket, pool, full, this.#context)
        : new TransactionClient(socket, pool, full, this.#context)
    const refusal = pool.subscribe(client)
    if (refusal !== undefined) return this.refuse(socket, refusal)
    this.#clients.set(full.processId, client)
    client.start()
    return this.#onChange()
  }

  /** Routes a cancel request by its key; a wrong key is ignored. */
  cancel(processId: number, secret: number, done: () => void): void {
    const client = this.#clients.get(processId)
    if (client === undefined || client.identity.secret !== secret) return done()
    return client.cancel(done)
  }

  /** Bans a tenant and ends its clients with the reason, or lifts the ban. */
  ban(tenant: Tenant, reason: string | undefined): void {
    tenant.banReason = reason
    if (reason === undefined) return
    for (const { identity, pool } of this.#pools.values()) {
      if (identity.tenant === tenant) pool.endClients(banned(reason))
    }
  }

  /** Stops every pool, as a change of tenant records does; done when all have stopped. */
  drain(done: () => void): void {
    const pools = [...this.#pools.values()]
    let left = pools.length
    if (left === 0) return done()
    for (const { pool } of pools) {
      pool.drain(() => {
        left -= 1
        if (left === 0) done()
      })
    }
  }

  /** Closes every connection with a FIN only, and every pool. */
  async closeAll(): Promise<void> {
    const pools = [...this.#pools.values()]
    for (const { pool } of pools) pool.endClients(undefined)
    for (const socket of this.#sockets) socket.end()
    await Promise.all(pools.map(({ pool }) => pool.dispose()))
  }

  /** Clears every timer and closes every socket. */
  async dispose(): Promise<void> {
    this.clock.dispose()
    const sockets = [...this.#sockets]
    for (const socket of sockets) socket.destroy()
    await Promise.all(sockets.map((socket) => socket.closed))
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.dispose()))
  }
}
