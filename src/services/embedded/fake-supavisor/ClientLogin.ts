/** The login of a client: from the first read to a pool, or to a refusal. */
import * as Messages from "./BackendMessages.ts"
import { BackendPool, type Mode } from "./BackendPool.ts"
import type { ClientSocket } from "./ClientSocket.ts"
import { readFirstPacket, type Startup } from "./FirstPacket.ts"
import { ascii } from "./Framing.ts"
import type { Admit, Pooler, PoolIdentity } from "./Pooler.ts"
import { poolerTimes, type PoolerClock } from "./PoolerClock.ts"
import * as Refusal from "./Refusal.ts"
import { challenge } from "./ScramVerifier.ts"
import * as Net from "node:net"
import type { Upstream } from "./Upstream.ts"
import type { Tenant } from "./Tenant.ts"

/** Role and database names have 1 to 63 bytes, all printable. */
const MAX_NAME_BYTES = 63

const isName = (name: string): boolean =>
  name !== "" && Buffer.byteLength(name) <= MAX_NAME_BYTES && !/[\p{Cc}\p{Cn}]/u.test(name)

/**
 * By `options=reference`, else by the part of the user name after its last dot, else by the TLS server name (Supavisor
 * 2.9 source, handler_helpers.ex and tenants.ex).
 */
const findTenant = (
  tenants: ReadonlyArray<Tenant>,
  startup: Startup,
  serverName: string | undefined
): Pick<PoolIdentity, "tenant" | "role"> | Refusal.Refusal => {
  const { database, user } = startup
  const reference = startup.options.get("reference")
  const dot = user.lastIndexOf(".")
  const split = reference === undefined && dot >= 0
  const role = split ? user.slice(0, dot) : user
  if (!isName(role) || (database !== undefined && !isName(database))) return Refusal.invalidUserInfo
  const wanted = split ? user.slice(dot + 1) : reference
  if (wanted === undefined) {
    const named = tenants.find((tenant) => serverName !== undefined && tenant.sniHostname === serverName)
    return named === undefined ? Refusal.noIdentifier : { tenant: named, role }
  }
  const tenant = tenants.find((candidate) => candidate.reference === wanted)
  return tenant === undefined ? Refusal.tenantNotFound(role, wanted) : { tenant, role }
}

/** True when a connection is made; false after the time limit for reading a verifier. */
const canConnect = (upstream: Upstream | undefined, clock: PoolerClock): Promise<boolean> =>
  new Promise((resolve) => {
    if (upstream === undefined) return resolve(false)
    const socket = Net.connect({ host: upstream.host, port: upstream.port })
    const cancel = clock.after(poolerTimes.credentialsUnreadable, () => {
      socket.destroy()
      resolve(false)
    })
    socket.on("error", () => socket.destroy())
    socket.on("connect", () => {
      cancel()
      socket.destroy()
      resolve(true)
    })
  })

/** Runs the login of a connection; the promise never rejects. */
export const admit: Admit = async (pooler, socket, mode) => {
  const read = await socket.read()
  if (!(read instanceof Buffer)) return
  const packet = readFirstPacket(read, !socket.encrypted)
  switch (packet._tag) {
    case "Http":
      return socket.end(`HTTP/1.1 204 OK\r\nx-app-version: ${pooler.settings.version}\r\n\r\n`)
    case "Cancel":
      return pooler.cancel(packet.processId, packet.secret, () => socket.end())
    case "Refused":
      return pooler.refuse(socket, packet.refusal)
    case "Tls": {
      const { tls } = pooler.settings
      if (tls === undefined || socket.encrypted) socket.write("N")
      else if (!(await socket.startTls(tls.context))) return
      return admit(pooler, socket, mode)
    }
    case "Startup":
      return logIn(pooler, socket, mode, packet.startup)
  }
}

const logIn = async (pooler: Pooler, socket: ClientSocket, mode: Mode, startup: Startup): Promise<void> => {
  const found = findTenant(pooler.settings.tenants, startup, socket.serverName)
  if (!("tenant" in found)) return pooler.refuse(socket, found)
  const { role, tenant } = found
  const identity: PoolIdentity = {
    tenant,
    role,
    mode,
    database: startup.database ?? tenant.database,
    searchPath: startup.searchPath,
    encrypted: socket.encrypted
  }
  const refusal = refusalBeforePassword(pooler, socket, identity) ?? (await authenticate(pooler, socket, identity))
  if (refusal === "disconnected") return
  if (refusal !== undefined) return pooler.refuse(socket, refusal)
  const pool = pooler.poolFor(identity)
  if (!(pool instanceof BackendPool)) return pooler.refuse(socket, pool)
  return pooler.addClient(socket, pool, {
    tenant: tenant.reference,
    role,
    database: identity.database,
    applicationName: startup.applicationName
  })
}

const breakerKey = (identity: PoolIdentity, socket: ClientSocket): string =>
  `${identity.tenant.reference} ${socket.address}`

/** The checks before the password, in Supavisor's order (2.9 source, client_handler/checks.ex). */
const refusalBeforePassword = (
  pooler: Pooler,
  socket: ClientSocket,
  identity: PoolIdentity
): Refusal.Refusal | undefined => {
  const { role, tenant } = identity
  if (tenant.banReason !== undefined) return Refusal.banned(tenant.banReason)
  if (pooler.settings.tls?.required === true && !socket.encrypted) return Refusal.tlsRequired(role)
  if (!tenant.allows(socket.address)) return Refusal.addressNotAllowed(socket.address)
  const full = pooler.runningPool(identity)?.refusalIfFull()
  if (full !== undefined) return full
  if (pooler.loginBreaker.isBlocked(breakerKey(identity, socket))) return Refusal.addressBlocked
  return pooler.credentialBreaker.isBlocked(tenant.reference) ? Refusal.credentialsBlocked : undefined
}

type LoginOutcome = Refusal.Refusal | "disconnected" | undefined

/** The SCRAM exchange; the breaker counts every failure. */
const authenticate = async (pooler: Pooler, socket: ClientSocket, identity: PoolIdentity): Promise<LoginOutcome> => {
  const outcome = await exchange(pooler, socket, identity)
  if (outcome === undefined || outcome === "disconnected") return outcome
  pooler.counters.authFailures += 1
  pooler.loginBreaker.fail(breakerKey(identity, socket))
  return outcome
}

const exchange = async (pooler: Pooler, socket: ClientSocket, identity: PoolIdentity): Promise<LoginOutcome> => {
  const { role, tenant } = identity
  socket.write(Messages.authenticationSasl)
  const first = await readPassword(socket)
  if (!Buffer.isBuffer(first)) return first
  const clientFirst = initialResponse(first)
  if (clientFirst === undefined) return Refusal.authenticationViolation
  if (!tenant.hasRole(role)) return Refusal.roleNotFound
  if (tenant.needsVerifier(role) && !(await canConnect(tenant.upstreamOf(role), pooler.clock))) {
    pooler.credentialBreaker.fail(tenant.reference)
    return Refusal.credentialsUnreadable
  }
  const verifier = tenant.verifierFor(role, pooler.runningPool(identity) !== undefined)
  const scram = verifier === undefined ? undefined : challenge(clientFirst, verifier)
  if (scram === undefined) return Refusal.authenticationViolation
  socket.write(Messages.saslContinue(scram.serverFirst))
  const last = await readPassword(socket)
  if (!Buffer.isBuffer(last)) return last
  const proof = scram.finish(last.toString())
  if (proof === "violation") return Refusal.authenticationViolation
  if (proof === undefined) {
    tenant.refreshVerifier(role)
    return Refusal.wrongPassword(role)
  }
  socket.write(Buffer.concat([Messages.saslFinal(proof), Messages.authenticationOk]))
  return undefined
}

/** The body of a password message, which must be complete in one read. */
const readPassword = async (socket: ClientSocket): Promise<Buffer | Refusal.Refusal | "disconnected"> => {
  const read = await socket.read(poolerTimes.authenticationStep)
  if (read === undefined) return "disconnected"
  if (read === "timeout") return Refusal.authenticationTimeout
  const whole =
    read.length >= Messages.HEADER_BYTES && read[0] === ascii.password && read.readInt32BE(1) === read.length - 1
  return whole ? read.subarray(Messages.HEADER_BYTES) : Refusal.authenticationViolation
}

/** The client's first SCRAM message from a SASLInitialResponse. */
const initialResponse = (body: Buffer): string | undefined => {
  const end = body.indexOf(0)
  if (end < 0 || body.toString("latin1", 0, end) !== "SCRAM-SHA-256") return undefined
  return body.toString("utf8", end + 1 + Messages.LENGTH_BYTES)
}
