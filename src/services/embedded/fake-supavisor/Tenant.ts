/** A tenant: its roles, databases and allowed addresses. */
import * as Redacted from "effect/Redacted"
import { BlockList } from "node:net"
import { type PoolerClock, poolerTimes } from "./PoolerClock.ts"
import { type ScramVerifier, verifierOf } from "./ScramVerifier.ts"
import type { Upstream } from "./Upstream.ts"

/** A role that may log in through the pooler. */
export interface RoleOptions {
  /** The password for clients. Default: the upstream's. */
  readonly password?: Redacted.Redacted<string>
  /** The role at PostgreSQL. Default: the upstream's. */
  readonly upstream?: { readonly username: string; readonly password: Redacted.Redacted<string> }
  /** Default: the tenant's. */
  readonly poolSize?: number
}

export interface TenantOptions {
  /** By name. Default: `postgres` alone. */
  readonly roles?: Readonly<Record<string, RoleOptions>>
  /** Default: the pooler's. */
  readonly poolSize?: number
  /** Default: the upstream's. */
  readonly database?: string
  /** Finds the tenant by TLS server name when the user name has no dot. Default: none. */
  readonly sniHostname?: string
}

/** A role: its password at the database, and the verifier that the pooler keeps. */
interface Role {
  password: string
  verifier: ScramVerifier | undefined
  verifierOf: string
  checkedAt: number
  readonly refreshes: Array<number>
  readonly upstream: Upstream
  poolSize: number | undefined
}

/** Limit of rereading a verifier in one window (Supavisor 2.9 source, refresh_limiter.ex). */
const MAX_REFRESHES = 3

export class Tenant {
  readonly reference: string
  readonly database: string
  readonly sniHostname: string | undefined
  readonly #roles = new Map<string, Role>()
  readonly #clock: PoolerClock
  #allowList: BlockList | undefined
  #poolSize: number
  banReason: string | undefined

  constructor(
    reference: string,
    options: TenantOptions,
    defaults: { readonly upstream: Upstream; readonly database: string; readonly poolSize: number },
    clock: PoolerClock
  ) {
    this.reference = reference
    this.database = options.database ?? defaults.database
    this.sniHostname = options.sniHostname
    this.#poolSize = options.poolSize ?? defaults.poolSize
    this.#clock = clock
    for (const [name, role] of Object.entries(options.roles ?? { postgres: {} })) {
      const { upstream } = defaults
      const password = role.password === undefined ? upstream.password : Redacted.value(role.password)
      this.#roles.set(name, {
        password,
        verifier: undefined,
        verifierOf: "",
        checkedAt: 0,
        refreshes: [],
        upstream:
          role.upstream === undefined
            ? upstream
            : { ...upstream, username: role.upstream.username, password: Redacted.value(role.upstream.password) },
        poolSize: role.poolSize
      })
    }
  }

  get firstRole(): string | undefined {
    return this.#roles.keys().next().value
  }

  hasRole(name: string): boolean {
    return this.#roles.has(name)
  }

  /** The role's password at the database; undefined for an unknown role. */
  passwordOf(name: string): string | undefined {
    return this.#roles.get(name)?.password
  }

  upstreamOf(name: string): Upstream | undefined {
    return this.#roles.get(name)?.upstream
  }

  poolSizeOf(name: string): number {
    return this.#roles.get(name)?.poolSize ?? this.#poolSize
  }

  /** Changes the size of the tenant and of roles that have their own. */
  setPoolSize(size: number): void {
    this.#poolSize = size
    for (const role of this.#roles.values()) if (role.poolSize !== undefined) role.poolSize = size
  }

  /** Changes the password at the database; the pooler keeps its verifier until it reads it again. */
  setPassword(name: string, password: string): boolean {
    const role = this.#roles.get(name)
    if (role === undefined) return false
    role.password = password
    return true
  }

  /** Whether the next login has to read the verifier from the database. */
  needsVerifier(name: string): boolean {
    return this.#roles.get(name)?.verifier === undefined
  }

  /** The pooler's verifier: read at first use, and by a running pool every 15 seconds. */
  verifierFor(name: string, poolIsLive: boolean): ScramVerifier | undefined {
    const role = this.#roles.get(name)
    if (role === undefined) return undefined
    const now = this.#clock.now()
    const due = poolIsLive && now - role.checkedAt >= poolerTimes.credentialsCheck
    if (role.verifier === undefined || due) this.#read(role, now)
    return role.verifier
  }

  /** Reads the verifier again after a wrong password, for the next login. */
  refreshVerifier(name: string): void {
    const role = this.#roles.get(name)
    if (role === undefined) return
    const now = this.#clock.now()
    while ((role.refreshes[0] ?? now) < now - poolerTimes.credentialsRefreshWindow) role.refreshes.shift()
    if (role.refreshes.length >= MAX_REFRESHES) return
    role.refreshes.push(now)
    this.#read(role, now)
  }

  /** Allows these IPv4 addresses and CIDR ranges only; undefined allows all. */
  setAllowList(ranges: ReadonlyArray<string> | undefined): void {
    const list = new BlockList()
    for (const range of ranges ?? []) {
      const [address = "", prefix] = range.split("/")
      if (prefix === undefined) list.addAddress(address)
      else list.addSubnet(address, Number(prefix))
    }
    this.#allowList = ranges === undefined ? undefined : list
  }

  allows(address: string): boolean {
    return this.#allowList?.check(address) ?? true
  }

  #read(role: Role, now: number): void {
    role.checkedAt = now
    if (role.verifier !== undefined && role.verifierOf === role.password) return
    role.verifier = verifierOf(role.password)
    role.verifierOf = role.password
  }
}
