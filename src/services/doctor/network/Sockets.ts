/** Sockets of the network checks, opened by the code that opens the pool's sessions. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { SessionError } from "../../errors/SessionError.ts"
import type { TlsSettings } from "../../wire/TlsNegotiation.ts"
import { connectTcp, type Endpoint, open, type Wire } from "../../wire/Transport.ts"
import { type CertificateFacts, certificateOf } from "./Certificate.ts"
import * as Dgram from "node:dgram"

/** A TCP connection to an address, destroyed when the scope closes. Fails with Node's error. */
export const scopedTcp = (address: string, port: number): Effect.Effect<Net.Socket, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    connectTcp({ host: address, port, keepAliveMillis: undefined }, [{ address, family: Net.isIP(address) }]),
    (socket) => Effect.sync(() => socket.destroy()),
    { interruptible: true }
  )

/** Milliseconds that one TCP connection takes; it is closed again. */
export const timeTcp = (address: string, port: number, now: () => number): Effect.Effect<number, unknown> =>
  Effect.suspend(() => {
    const started = now()
    return Effect.scoped(Effect.map(scopedTcp(address, port), () => now() - started))
  })

/** A connected socket, encrypted as the endpoint requires, destroyed when the scope closes. */
export const scopedWire = (endpoint: Endpoint): Effect.Effect<Wire, SessionError, Scope.Scope> =>
  Effect.acquireRelease(open(endpoint), ({ socket }) => Effect.sync(() => socket.destroy()), { interruptible: true })

/** The result of a TLS handshake. */
export interface TlsFacts {
  /** Why no session can be opened this way; undefined when one can. */
  readonly failure: SessionError | undefined
  readonly isEncrypted: boolean
  /** `TLSv1.3` and the like; undefined without encryption. */
  readonly version: string | undefined
  readonly certificate: CertificateFacts | undefined
  /** OpenSSL's code for a chain that is not trusted; undefined when it is trusted, or there is no encryption. */
  readonly distrust: string | undefined
}

/** The facts of a connection that is not encrypted. */
export const unencrypted = (failure: SessionError | undefined): TlsFacts => ({
  failure,
  isEncrypted: false,
  version: undefined,
  certificate: undefined,
  distrust: undefined
})

const factsOf = (socket: Net.Socket, host: string, failure: SessionError | undefined): TlsFacts => {
  if (!(socket instanceof Tls.TLSSocket)) return unencrypted(failure)
  const distrust: unknown = socket.authorized ? undefined : socket.authorizationError
  return {
    failure,
    isEncrypted: true,
    version: socket.getProtocol() ?? undefined,
    certificate: certificateOf(socket, host),
    distrust: distrust === undefined || distrust === null ? undefined : String(distrust)
  }
}

const factsAt = (endpoint: Endpoint, failure: SessionError | undefined): Effect.Effect<TlsFacts, SessionError> =>
  Effect.scoped(Effect.map(scopedWire(endpoint), ({ socket }) => factsOf(socket, endpoint.host, failure)))

const UNVERIFIED: TlsSettings = { mode: "require", rootCertificate: undefined }

/**
 * Makes the TLS handshake of a session. If it fails, makes another one without verification, to describe the
 * certificate that was refused. Never fails; the caller bounds it in time.
 */
export const tlsFacts = (endpoint: Endpoint): Effect.Effect<TlsFacts> =>
  Effect.catch(factsAt(endpoint, undefined), (failure) =>
    Effect.catch(factsAt({ ...endpoint, tls: UNVERIFIED }, failure), () => Effect.succeed(unencrypted(failure)))
  )

/**
 * The local address of the route to an address. Connecting a datagram socket looks the route up and sends no packet
 * (connect(2)). Fails with ENETUNREACH, EHOSTUNREACH and the like.
 */
export const routeTo = (address: string, family: number, port: number): Effect.Effect<string, unknown> =>
  Effect.callback<string, unknown>((resume) => {
    const socket = Dgram.createSocket(family === 6 ? "udp6" : "udp4")
    let isOpen = true
    const close = () => {
      if (isOpen) socket.close()
      isOpen = false
    }
    const settle = (effect: Effect.Effect<string, unknown>) => {
      close()
      resume(effect)
    }
    socket.once("error", (error) => settle(Effect.fail(error)))
    // Node.js passes a failure to the connect callback; its type does not say so.
    const onConnect = (error?: Error) =>
      settle(error === undefined ? Effect.succeed(socket.address().address) : Effect.fail(error))
    socket.connect(port, address, onConnect)
    return Effect.sync(close)
  })
