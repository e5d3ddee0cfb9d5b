/** Routes, sockets and certificates of the network checks; sockets are opened by the code that opens the pool's sessions. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { SessionError } from "../../errors/SessionError.ts"
import type { TlsSettings } from "../../wire/TlsNegotiation.ts"
import { connectTcp, type Endpoint, open, type Wire } from "../../wire/Transport.ts"
import * as Dgram from "node:dgram"

/** A server's certificate. */
export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** The subject alternative names without their kind, or the subject. */
  readonly names: ReadonlyArray<string>
  /** Milliseconds since 1970. */
  readonly validFrom: number
  readonly validTo: number
  /** The subjects of the chain that the server sent, its own first. */
  readonly chain: ReadonlyArray<string>
  /** Why the host is not one of the names; undefined when it is. */
  readonly nameProblem: string | undefined
}

/** Chains have two or three links; the limit ends a chain that loops. */
const LONGEST_CHAIN = 8

const nameOf = (subject: Tls.Certificate | undefined): string => {
  const name: unknown = subject?.CN ?? subject?.O
  return Array.isArray(name) ? name.join(" ") : typeof name === "string" && name !== "" ? name : "(no name)"
}

const chainOf = (certificate: Tls.DetailedPeerCertificate): ReadonlyArray<string> => {
  const chain: Array<string> = []
  let link: Tls.DetailedPeerCertificate | undefined = certificate
  while (link?.subject !== undefined && chain.length < LONGEST_CHAIN) {
    chain.push(nameOf(link.subject))
    link = link.issuerCertificate === link ? undefined : link.issuerCertificate
  }
  return chain
}

const namesIn = (certificate: Tls.DetailedPeerCertificate): ReadonlyArray<string> => {
  const listed = (certificate.subjectaltname ?? "").split(/,\s*/).filter((name) => name !== "")
  return listed.length === 0
    ? [nameOf(certificate.subject)]
    : listed.map((name) => name.replace(/^(?:DNS|IP Address|URI|email):/, ""))
}

/** The peer's certificate; undefined when it sent none. */
const certificateOf = (socket: Tls.TLSSocket, host: string): CertificateFacts | undefined => {
  const certificate = socket.getPeerCertificate(true)
  // Node.js returns an empty object when there is none; its type does not say so.
  if ((certificate as Partial<Tls.DetailedPeerCertificate>).subject === undefined) return undefined
  return {
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    names: namesIn(certificate),
    validFrom: Date.parse(certificate.valid_from),
    validTo: Date.parse(certificate.valid_to),
    chain: chainOf(certificate),
    nameProblem: Tls.checkServerIdentity(host, certificate)?.message
  }
}

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
  /** `TLSv1.3` and so on; undefined without encryption. */
  readonly version: string | undefined
  readonly certificate: CertificateFacts | undefined
  /** OpenSSL's code for a chain that is not trusted; undefined when it is trusted, or there is no encryption. */
  readonly chainError: string | undefined
}

/** The facts of a connection that is not encrypted. */
export const unencrypted = (failure: SessionError | undefined): TlsFacts => ({
  failure,
  isEncrypted: false,
  version: undefined,
  certificate: undefined,
  chainError: undefined
})

const factsOf = (socket: Net.Socket, host: string, failure: SessionError | undefined): TlsFacts => {
  if (!(socket instanceof Tls.TLSSocket)) return unencrypted(failure)
  const chainError: unknown = socket.authorized ? undefined : socket.authorizationError
  return {
    failure,
    isEncrypted: true,
    version: socket.getProtocol() ?? undefined,
    certificate: certificateOf(socket, host),
    chainError: chainError === undefined || chainError === null ? undefined : String(chainError)
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

/** First bytes of services that are not PostgreSQL, in ISO 8859-1: their greeting, or their answer to `PROBE`. */
const SERVICES: ReadonlyArray<readonly [name: string, bytes: RegExp]> = [
  ["an HTTP server", /^(?:HTTP\/\d|<!doctype html|<html)/i],
  ["an SSH server", /^SSH-/],
  // The packet's length, its number 0, then version 10 of the protocol or an error (MySQL docs, protocol handshake).
  ["a MySQL or MariaDB server", /^[^]{2}\0\0(?:\n[5-9\d]\d*\.|\xFF)/],
  ["a Redis server", /^-(?:ERR|NOAUTH|DENIED|MISCONF|LOADING) /],
  ["a MongoDB server", /MongoDB/],
  ["an AMQP server", /^AMQP/],
  ["a mail or FTP server", /^(?:220[ -]|\* OK |\+OK )/]
]

/** The start of an alert of TLS 1.x (RFC 8446, section 5.1). */
const TLS_ALERT = "\u0015\u0003"
const TLS_SERVICE = "a server that expects TLS at once"

/** Read by HTTP and Redis as a request, and by a TLS server as a mistake. */
const PROBE = "HEAD / HTTP/1.0\r\n\r\n"

/** Servers that greet do so at once; the others are probed. */
const GREETING_MILLIS = 200
/** Greeting, probe and TLS handshake together, within the grace of a check. */
const PROBE_MILLIS = 800

const answeringService = Effect.fnUntraced(function* (address: string, port: number) {
  const socket = yield* scopedTcp(address, port)
  return yield* Effect.callback<string, undefined>((resume) => {
    let received = ""
    const probe = setTimeout(() => socket.write(PROBE), GREETING_MILLIS)
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1")
      const found = received.startsWith(TLS_ALERT)
        ? TLS_SERVICE
        : SERVICES.find(([, bytes]) => bytes.test(received))?.[0]
      if (found !== undefined) resume(Effect.succeed(found))
    })
    for (const end of ["end", "error", "close"]) socket.once(end, () => resume(Effect.fail(undefined)))
    return Effect.sync(() => clearTimeout(probe))
  })
})

/** PostgreSQL 17 takes a handshake at once too, and then names its protocol (PostgreSQL docs, `sslnegotiation`). */
const tlsService = (address: string, port: number) =>
  Effect.callback<string, undefined>((resume) => {
    const settle = (isService: boolean) => resume(isService ? Effect.succeed(TLS_SERVICE) : Effect.fail(undefined))
    const socket = Tls.connect({ host: address, port, rejectUnauthorized: false, ALPNProtocols: ["postgresql"] }, () =>
      settle(socket.alpnProtocol !== "postgresql")
    )
    // An alert is the refusal of a server of TLS.
    socket.once("error", (error: NodeJS.ErrnoException) => settle(error.code?.includes("_ALERT_") === true))
    return Effect.sync(() => socket.destroy())
  })

/** What answers at an address in place of PostgreSQL; undefined when it is not recognized. Never fails. */
export const foreignService = (address: string, port: number): Effect.Effect<string | undefined> =>
  Effect.race(Effect.scoped(answeringService(address, port)), tlsService(address, port)).pipe(
    Effect.timeout(PROBE_MILLIS),
    Effect.orElseSucceed(() => undefined)
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
