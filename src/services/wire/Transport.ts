/**
 * Opens the connection of a session: name resolution, TCP, TLS; each phase is timed, and every failure names its phase.
 *
 * The driver is given a connected and encrypted socket. So the decision about plaintext is made here (never a silent
 * fallback under `require` or above), the address family can be chosen (the shared pooler has IPv4 addresses only), and
 * `WireTap` can read what the driver does not expose.
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
const READ_BYTES = 64 * 1024

const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES)

/**
 * The `onread` option of `net.connect`, for the socket that it returns. All sockets share one read buffer. The socket
 * emits `data` as any other, with chunks of their own; chunks that arrive before there is a listener are kept for it.
 */
export const sharedReadBuffer = (socket: () => Net.Socket): Net.OnReadOpts => ({
  buffer: readBuffer,
  callback: (length) => {
    const chunk = Buffer.allocUnsafe(length)
    readBuffer.copy(chunk, 0, 0, length)
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
 * Resolves a host in the order the system prefers. `family` 4 resolves IPv4 addresses only: the shared pooler has
 * no other address, and the IPv6 ones that a NAT64 network makes up do not lead to it. Fails with Node's DNS error.
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

/** How to connect to a server. */
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

/** A connected socket, encrypted where the mode requires it, and the tap that reads beside the driver. */
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

/** The error of a failed dial: phase, endpoint, time spent and cause. */
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
            // A statement is one write and a wait for its answer: Nagle's algorithm would only delay it.
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

/** An error on a socket without another listener must not crash the process; `close` follows it. */
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
