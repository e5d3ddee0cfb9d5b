/** TLS as the settings ask for it, and what the server shows of itself whatever they ask for. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Net from "node:net"
import * as Tls from "node:tls"
import { requestTls, type TlsSettings } from "../../wire/TlsNegotiation.ts"
import { type CertificateFacts, certificateOf } from "./Certificate.ts"
import { connectTcp } from "./TcpConnection.ts"

/** How a handshake went. */
export interface TlsFacts {
  /** Why no session can be opened this way; undefined when one can. */
  readonly failure: unknown
  readonly isEncrypted: boolean
  /** `TLSv1.3` and the like; undefined without encryption. */
  readonly version: string | undefined
  readonly certificate: CertificateFacts | undefined
  /** Why the chain would not be trusted (OpenSSL's code); undefined when it would be, or when nobody looked. */
  readonly distrust: string | undefined
}

/** A server's address, and the name it is known by. */
export interface Place {
  readonly address: string
  readonly port: number
  readonly host: string
}

/** The socket may be closed by the other side by now, which then tells nothing. */
const factsOf = (socket: Net.Socket, host: string, failure: unknown): TlsFacts => {
  if (!(socket instanceof Tls.TLSSocket)) {
    return { failure, isEncrypted: false, version: undefined, certificate: undefined, distrust: undefined }
  }
  const distrust: unknown = socket.authorized ? undefined : socket.authorizationError
  return {
    failure,
    isEncrypted: true,
    version: socket.getProtocol() ?? undefined,
    certificate: certificateOf(socket, host),
    distrust: distrust === undefined || distrust === null ? undefined : String(distrust)
  }
}

const shakeHands = (place: Place, settings: TlsSettings, failure: unknown): Effect.Effect<TlsFacts, unknown> =>
  Effect.scoped(
    Effect.gen(function* () {
      const raw = yield* connectTcp(place.address, place.port)
      const socket = yield* Effect.acquireRelease(
        requestTls(raw, place.host, settings),
        (socket) => Effect.sync(() => socket.destroy()),
        { interruptible: true }
      )
      return factsOf(socket, place.host, failure)
    })
  )

/** Encrypts whatever the server shows: to look at a certificate that the settings refuse. */
const UNVERIFIED: TlsSettings = { mode: "require", rootCertificate: undefined }

const WITHOUT_FACTS = { isEncrypted: false, version: undefined, certificate: undefined, distrust: undefined }

/**
 * Shakes hands as a session would. When that fails, once more without verification, so that the certificate that was
 * refused can be described. Never fails; the caller bounds it in time.
 */
export const tlsFacts = (place: Place, settings: TlsSettings): Effect.Effect<TlsFacts> =>
  Effect.flatMap(Effect.exit(shakeHands(place, settings, undefined)), (exit) => {
    if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
    const failure = Cause.squash(exit.cause)
    return Effect.catch(shakeHands(place, UNVERIFIED, failure), () => Effect.succeed({ failure, ...WITHOUT_FACTS }))
  })
