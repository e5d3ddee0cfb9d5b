/** A pooler that behaves toward its clients as Supavisor does, in front of any PostgreSQL. */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { createSecureContext } from "node:tls"
import { defaultPoolerSize } from "../config/PoolSizing.ts"
import { loopbackHost } from "./postgres/FreePort.ts"
import type { ClientInfo } from "./fake-supavisor/Client.ts"
import type { Counters } from "./fake-supavisor/Counters.ts"
import { admit } from "./fake-supavisor/ClientLogin.ts"
import { Pooler } from "./fake-supavisor/Pooler.ts"
import { PoolerClock, poolerTimes } from "./fake-supavisor/PoolerClock.ts"
import { Tenant, type TenantOptions } from "./fake-supavisor/Tenant.ts"
import * as TcpListener from "./TcpListener.ts"
import { Watchers } from "./Watchers.ts"

export type { ClientInfo as FakeSupavisorClient } from "./fake-supavisor/Client.ts"
export type { Counters as FakeSupavisorCounters } from "./fake-supavisor/Counters.ts"
export type { RoleOptions, TenantOptions } from "./fake-supavisor/Tenant.ts"

/** FakeSupavisor could not start, or was given a name or value that it does not have. */
export class FakeSupavisorError extends Schema.TaggedError<FakeSupavisorError>()("FakeSupavisorError", {
  detail: Schema.String
}) {
  override get message(): string {
    return `FakeSupavisor: ${this.detail}`
  }
}

const failure = (detail: string): FakeSupavisorError => new FakeSupavisorError({ detail })

/** The reference of the default tenant: twenty letters, as in Supabase. */
export const defaultReference = "abcdefghijklmnopqrst"

/** Supabase's limit of clients in transaction mode on the smallest compute (Supabase docs, "Compute and Disk"). */
const defaultMaxClients = 200
/** The version that is imitated, sent as `x-app-version`. */
const version = "2.9.7"

export interface FakeSupavisorOptions {
  /** The PostgreSQL server, and the role that the pooler logs in with. */
  readonly upstream: {
    readonly host: string
    readonly port: number
    readonly username: string
    readonly password: Redacted.Redacted<string>
    readonly database: string
  }
  /** By reference. Default: one tenant, `abcdefghijklmnopqrst`, with the role `postgres` and the upstream's password. */
  readonly tenants?: Readonly<Record<string, TenantOptions>>
  /** Sessions of one pool (role, database and so on). Default: 15. */
  readonly poolSize?: number
  /** Clients of a pool in transaction mode. Default: 200. */
  readonly maxClients?: number
  /** Session n+1: `refuse` at once, as since 2.8, or `wait` for up to a minute, as before. Default: refuse. */
  readonly queue?: "refuse" | "wait"
  /** How long a checkout may take. Default: 60 seconds. */
  readonly checkoutTimeout?: Duration.Input
  /** Default: 60 seconds. */
  readonly heartbeat?: Duration.Input
  /** A session without a statement for so long is closed without a message. Default: never. */
  readonly clientIdleTimeout?: Duration.Input
  /** Delivers a cancel only when the session runs its next statement, the worst case of a known fault. */
  readonly lateCancel?: boolean
  /** PEM texts. `required` refuses plaintext logins; default: false. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly required?: boolean }
  /**
   * Factor of every time of the pooler: 0.02 makes a minute 1.2 seconds. Texts keep the unscaled numbers. Limits of work
   * that PostgreSQL does (connect, log in, DISCARD ALL) are not scaled, and a client always has a second for each step
   * of its login. Default: 1.
   */
  readonly timeScale?: number
}

export interface UrlOptions {
  /** Default: the first tenant. */
  readonly tenant?: string
  /** Default: session. */
  readonly mode?: "session" | "transaction"
  /** Default: the tenant's. */
  readonly database?: string
}

export interface FakeSupavisorShape {
  readonly host: string
  readonly sessionPort: number
  readonly transactionPort: number
  /**
   * The connection string of a role, with its current password. Default: the tenant's first role. Throws a
   * {@link FakeSupavisorError} for an unknown role or tenant.
   */
  readonly url: (role?: string, options?: UrlOptions) => Redacted.Redacted<string>
  /** Takes effect for the next login; open sessions stay. Followed by `drain` it is what Supabase does. */
  readonly setPoolSize: (size: number) => Effect.Effect<void>
  /**
   * Changes a role's password at the database. Fails when no tenant has the role. The pooler notices it as Supavisor
   * does: the first login still fails.
   */
  readonly setPassword: (role: string, password: Redacted.Redacted<string>) => Effect.Effect<void, FakeSupavisorError>
  /** Bans every tenant: clients get `EBANNED` and are closed, logins are refused. */
  readonly ban: (reason: string) => Effect.Effect<void>
  readonly unban: Effect.Effect<void>
  /** The IPv4 addresses and CIDR ranges that may log in; undefined for all. Fails for anything else. */
  readonly allowList: (ranges: ReadonlyArray<string> | undefined) => Effect.Effect<void, FakeSupavisorError>
  /** Unblocks the breakers and clears their counts. */
  readonly resetBreakers: Effect.Effect<void>
  /**
   * Stops every pool, as a change of the tenant's record does, and returns when all have stopped: idle sessions get
   * 57P01 at once, busy ones when they become idle, the rest after 5 seconds. Logins meanwhile get 57P01.
   */
  readonly drain: Effect.Effect<void>
  /** Closes every connection with a FIN and no message, as when the pooler's process ends; statements go on. */
  readonly closeAll: Effect.Effect<void>
  /** Refuses connections on both ports; open ones stay. */
  readonly stopListening: Effect.Effect<void>
  readonly startListening: Effect.Effect<void, FakeSupavisorError>
  /** All clients in a pool, oldest first. */
  readonly clients: () => ReadonlyArray<ClientInfo>
  readonly counters: () => Counters
  /** The highest number of session clients at any time. */
  readonly maxClients: () => number
  /** Waits until there are that many clients, both modes together, or until the predicate holds. */
  readonly awaitClients: (expected: number | ((clients: ReadonlyArray<ClientInfo>) => boolean)) => Effect.Effect<void>
}

const millis = (input: Duration.Input | undefined, fallback: number): number =>
  input === undefined ? fallback : Duration.toMillis(Duration.fromInputUnsafe(input))

const tenantsOf = (options: FakeSupavisorOptions, clock: PoolerClock): ReadonlyArray<Tenant> => {
  const { host, password, port, username } = options.upstream
  const defaults = {
    upstream: { host, port, username, password: Redacted.value(password) },
    database: options.upstream.database,
    poolSize: options.poolSize ?? defaultPoolerSize
  }
  return Object.entries(options.tenants ?? { [defaultReference]: {} }).map(
    ([reference, tenant]) => new Tenant(reference, tenant, defaults, clock)
  )
}

const tlsOf = (tls: NonNullable<FakeSupavisorOptions["tls"]>) =>
  Effect.try({
    try: () => ({ context: createSecureContext({ cert: tls.cert, key: tls.key }), required: tls.required ?? false }),
    catch: () => failure("tls.cert and tls.key must be a certificate and its key, as PEM texts")
  })

/** The connection string of a role, with its current password. */
const urlTo = (
  tenants: ReadonlyArray<Tenant>,
  role: string | undefined,
  options: UrlOptions,
  ports: { readonly session: number; readonly transaction: number }
): Redacted.Redacted<string> => {
  const tenant = tenants.find(({ reference }) => options.tenant === undefined || reference === options.tenant)
  const name = role ?? tenant?.firstRole
  const password = name === undefined ? undefined : tenant?.passwordOf(name)
  if (tenant === undefined || name === undefined || password === undefined) {
    throw failure(`there is no role ${name ?? ""} at tenant ${options.tenant ?? ""}`)
  }
  const user = encodeURIComponent(`${name}.${tenant.reference}`)
  const port = ports[options.mode ?? "session"]
  const database = encodeURIComponent(options.database ?? tenant.database)
  return Redacted.make(`postgresql://${user}:${encodeURIComponent(password)}@${loopbackHost}:${port}/${database}`)
}

const make = Effect.fnUntraced(function* (
  options: FakeSupavisorOptions
): Effect.fn.Return<FakeSupavisorShape, FakeSupavisorError, Scope.Scope> {
  const { maxClients = defaultMaxClients, poolSize = defaultPoolerSize, timeScale = 1 } = options
  if (!(timeScale > 0 && Number.isFinite(timeScale))) {
    return yield* failure(`timeScale must be a number above 0, not ${timeScale}`)
  }
  const wrong = [poolSize, maxClients].find((size) => !Number.isInteger(size) || size < 1)
  if (wrong !== undefined) {
    return yield* failure(`poolSize and maxClients must be whole numbers from 1, not ${wrong}`)
  }
  const clock = new PoolerClock(timeScale)
  const tenants = tenantsOf(options, clock)
  const watchers = new Watchers()
  const pooler = new Pooler(
    {
      clock,
      tenants,
      tls: options.tls === undefined ? undefined : yield* tlsOf(options.tls),
      queue: options.queue === "wait",
      lateCancel: options.lateCancel ?? false,
      maxClients,
      heartbeatMillis: millis(options.heartbeat, poolerTimes.heartbeat),
      idleTimeoutMillis: millis(options.clientIdleTimeout, 0),
      checkoutMillis: millis(options.checkoutTimeout, poolerTimes.checkout),
      version
    },
    admit,
    watchers.changed
  )
  yield* Effect.addFinalizer(() => Effect.promise(() => pooler.dispose()))
  const cannotListen = (error: Error) => failure(`cannot listen on ${loopbackHost}: ${error.message}`)
  const listener = (mode: "session" | "transaction") =>
    Effect.acquireRelease(
      TcpListener.make((socket) => pooler.accept(socket, mode)).pipe(Effect.mapError(cannotListen)),
      (opened) => opened.close
    )
  const session = yield* listener("session")
  const transaction = yield* listener("transaction")
  const clients = () => pooler.clients.map((client) => client.info())

  return {
    host: loopbackHost,
    sessionPort: session.port,
    transactionPort: transaction.port,
    url: (role, urlOptions = {}) =>
      urlTo(tenants, role, urlOptions, { session: session.port, transaction: transaction.port }),
    setPoolSize: (size) => Effect.sync(() => tenants.forEach((tenant) => tenant.setPoolSize(size))),
    setPassword: (role, password) =>
      Effect.suspend(() => {
        const changed = tenants.filter((tenant) => tenant.setPassword(role, Redacted.value(password)))
        return changed.length > 0 ? Effect.void : Effect.fail(failure(`no tenant has a role ${role}`))
      }),
    ban: (reason) => Effect.sync(() => tenants.forEach((tenant) => pooler.ban(tenant, reason))),
    unban: Effect.sync(() => tenants.forEach((tenant) => pooler.ban(tenant, undefined))),
    allowList: (ranges) =>
      Effect.try({
        try: () => tenants.forEach((tenant) => tenant.setAllowList(ranges)),
        catch: () => failure(`not all IPv4 addresses or ranges: ${ranges?.join(", ")}`)
      }),
    resetBreakers: Effect.sync(() => {
      pooler.loginBreaker.clear()
      pooler.credentialBreaker.clear()
    }),
    drain: Effect.callback<void>((resume) => pooler.drain(() => resume(Effect.void))),
    closeAll: Effect.promise(() => pooler.closeAll()),
    stopListening: Effect.andThen(session.close, transaction.close),
    startListening: Effect.mapError(Effect.andThen(session.open, transaction.open), cannotListen),
    clients,
    counters: () => ({ ...pooler.counters, refusalsByCode: new Map(pooler.counters.refusalsByCode) }),
    maxClients: () => pooler.maxSessions,
    awaitClients: (expected) =>
      watchers.until(() => (typeof expected === "number" ? clients().length === expected : expected(clients())))
  }
})

/**
 * A pooler in front of any PostgreSQL that behaves toward its clients as Supavisor 2.9 does, to test an application
 * against the pooler without Supabase.
 *
 * It listens on two ports of 127.0.0.1, one for each mode. Closing its scope closes every socket and clears every timer.
 * Behaviour and texts are those of the Supavisor 2.9 source and of a local Supavisor 2.9.7.
 */
export class FakeSupavisor extends Context.Service<FakeSupavisor, FakeSupavisorShape>()(
  "effect-supavisor/FakeSupavisor"
) {
  /** Starts a pooler that runs while the scope is open. Fails when no port can be bound or the certificate is invalid. */
  static readonly make = make

  static readonly layer = (options: FakeSupavisorOptions): Layer.Layer<FakeSupavisor, FakeSupavisorError> =>
    Layer.effect(FakeSupavisor, make(options))
}
