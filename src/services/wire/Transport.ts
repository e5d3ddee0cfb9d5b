/**
 * The wire below one session: name resolution, TCP, TLS, each timed, each failure naming its phase.
 *
 * The driver is handed a socket that is already connected and encrypted. That keeps the decision about plaintext
 * here (never a silent fall-back under `require` or above), lets the address family be chosen (the shared pooler has
 * IPv4 addresses only), and puts a reader beside the driver that sees what the driver keeps to itself.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { monotonicMillis } from "./MonotonicClock.ts"
import { SessionError } from "../errors/SessionError.ts"
import type { Phase } from "../errors/catalogue/Entry.ts"
import { WireTap } from "./WireTap.ts"
import { requestTls, type TlsSettings } from "./TlsNegotiation.ts"
import * as Dns from "node:dns"

/** As much as libuv reads at a time (libuv source, uv__read). */
const BYTES = 64 * 1024

const buffer = Buffer.allocUnsafeSlow(BYTES)

/**
 * What `net.connect` is to be given as `onread`, for the socket that it returns. The socket emits `data` as any other,
 * with chunks that are the listener's to keep; what comes before there is a listener waits for one.
 */
export const sharedReadBuffer = (socket: () => Net.Socket): Net.OnReadOpts => ({
  buffer,
  callback: (length) => {
    const chunk = Buffer.allocUnsafe(length)
    buffer.copy(chunk, 0, 0, length)
    if (!socket().emit("data", chunk)) socket().push(chunk)
    return true
  }
})

/** Whether the host is the directory of a Unix socket, as in libpq. */
const isUnixSocket = (host: string): boolean => host.startsWith("/")

/** The file of a server's Unix socket (PostgreSQL docs, runtime-config-connection, `unix_socket_directories`). */
const socketPath = ({ host, port }: Pick<Endpoint, "host" | "port">): string => `${host}/.s.PGSQL.${port}`

/** One address of a host. */
export interface Address {
  readonly address: string
  readonly family: number
}

/**
 * Resolves a host in the order the system prefers. `family` 4 asks for IPv4 alone: the shared pooler has no other
 * address, and a network that invents IPv6 ones (NAT64) would only send the dial astray. Fails with Node's DNS error.
 */
export const resolveHost = (host: string, family: 0 | 4): Effect.Effect<ReadonlyArray<Address>, unknown> => {
  const literal = Net.isIP(host)
  if (literal !== 0 || isUnixSocket(host)) return Effect.succeed([{ address: host, family: literal }])
  return Effect.callback<ReadonlyArray<Address>, unknown>((resume) => {
    Dns.lookup(host, { family, all: true }, (error, addresses) => {
      resume(error === null ? Effect.succeed(addresses) : Effect.fail(error))
    })
  })
}

/** Where a session is opened, and how. */
export interface Endpoint {
  readonly host: string
  /** Connects to this address; undefined resolves `host`. TLS verifies the name `host` either way. */
  readonly address?: string | undefined
  readonly port: number
  /** `4` for the shared pooler, which has no IPv6 address; `0` leaves the choice to the resolver's order. */
  readonly family: 0 | 4
  readonly tls: TlsSettings
  /** Idle time in milliseconds before TCP keepalive probes begin; undefined switches them off. */
  readonly keepAliveMillis: number | undefined
}

/** Milliseconds spent in each phase of a dial. */
export interface PhaseTimings {
  dns: number
  tcp: number
  tls: number
  authentication: number
  session: number
}

/** A connected, and where asked for encrypted, socket with a reader beside it. */
export interface Wire {
  readonly socket: Net.Socket
  readonly tap: WireTap
  readonly address: string
  readonly encrypted: boolean
  readonly timings: PhaseTimings
}

/**
 * How long one address is tried before the next of the same name (RFC 8305 advises 100 ms to 2 s); the last one is
 * bounded by the connect timeout alone.
 */
const ATTEMPT_MILLIS = 1000

/** Fails with the phase, the endpoint and the time spent, whatever the cause. */
export const connectFailure = (
  endpoint: Endpoint,
  phase: Phase,
  since: number,
  now: number,
  failure: unknown,
  authenticated = false
): SessionError =>
  SessionError.connectFailed({
    host: endpoint.host,
    port: endpoint.port,
    phase,
    elapsedMillis: now - since,
    failure,
    authenticated
  })

/** Connects to the first address that accepts; interruption destroys the socket. Fails with Node's error. */
export const connectTcp = (
  endpoint: Pick<Endpoint, "host" | "port" | "keepAliveMillis">,
  addresses: ReadonlyArray<Address>
): Effect.Effect<Net.Socket, unknown> =>
  Effect.callback<Net.Socket, unknown>((resume) => {
    const onread = sharedReadBuffer(() => socket)
    const socket: Net.Socket = Net.connect(
      isUnixSocket(endpoint.host)
        ? { path: socketPath(endpoint), onread }
        : {
            host: endpoint.host,
            port: endpoint.port,
            // A statement is one write and a wait for its answer: there is nothing for Nagle's algorithm to gather.
            noDelay: true,
            onread,
            keepAlive: endpoint.keepAliveMillis !== undefined,
            ...(endpoint.keepAliveMillis === undefined ? {} : { keepAliveInitialDelay: endpoint.keepAliveMillis }),
            autoSelectFamily: addresses.length > 1,
            autoSelectFamilyAttemptTimeout: ATTEMPT_MILLIS,
            lookup: (_hostname, options, callback) => {
              if (options.all === true)
                callback(
                  null,
                  addresses.map((a) => ({ address: a.address, family: a.family }))
                )
              else callback(null, addresses[0]!.address, addresses[0]!.family)
            }
          }
    )
    const onError = (cause: Error) => resume(Effect.fail(cause))
    socket.once("error", onError)
    socket.once("connect", () => {
      socket.off("error", onError)
      socket.on("error", ignore)
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => {
      socket.on("error", ignore)
      socket.destroy()
    })
  })

/** A socket between two owners must not crash the process; its `close` tells the rest. */
const ignore = (): void => {}

/**
 * Opens a wire: resolves the name, connects, encrypts. Interrupting it closes whatever was open; the caller bounds it
 * in time and owns the socket once it succeeds.
 */
export const open = Effect.fnUntraced(function* (
  endpoint: Endpoint,
  onPhase: (phase: Phase) => void = ignore
): Effect.fn.Return<Wire, SessionError> {
  const now = monotonicMillis(yield* Clock.Clock)
  const started = now()
  const failing = (phase: Phase) => (cause: unknown) => connectFailure(endpoint, phase, started, now(), cause)

  const addresses = yield* Effect.mapError(
    resolveHost(endpoint.address ?? endpoint.host, endpoint.family),
    failing("dns")
  )
  const resolved = now()
  onPhase("tcp")
  const raw = yield* Effect.mapError(connectTcp(endpoint, addresses), failing("tcp"))
  const connected = now()
  onPhase("tls")
  const address = raw.remoteAddress ?? addresses[0]!.address
  const socket = yield* requestTls(raw, endpoint.host, endpoint.tls).pipe(
    Effect.mapError(failing("tls")),
    Effect.onInterrupt(() => Effect.sync(() => raw.destroy()))
  )
  const tap = new WireTap(now)
  socket.on("data", tap.push)
  return {
    socket,
    tap,
    address,
    encrypted: socket instanceof Tls.TLSSocket,
    timings: {
      dns: resolved - started,
      tcp: connected - resolved,
      tls: now() - connected,
      authentication: 0,
      session: 0
    }
  }
})
