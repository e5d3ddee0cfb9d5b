/** SSLRequest and the TLS handshake, with libpq's meaning of each `sslmode`. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as MessageType from "./MessageType.ts"
import type { SslMode } from "../config/ConnectionString.ts"
import type { SessionError } from "../errors/SessionError.ts"

/** SQLSTATE of a login that is refused because it is, or is not, encrypted (`hostssl` in pg_hba.conf). */
const NO_HBA_ENTRY = "28000"

/** The pooler's code for the same (Supavisor 2.9 source, client_handler/checks.ex). */
const TLS_REQUIRED = "ESSLREQUIRED"

/**
 * The mode of a second dial after a failed one; undefined when there is none. `prefer` falls back to plaintext when TLS
 * fails, `allow` to TLS when plaintext is refused (PostgreSQL docs, table of `sslmode`); `require` and above never fall
 * back.
 */
export const fallbackMode = (mode: SslMode, error: SessionError): SslMode | undefined => {
  const { reason } = error
  if (reason._tag !== "ConnectFailed") return undefined
  const refused = reason.sqlState === NO_HBA_ENTRY || reason.code === TLS_REQUIRED
  if (mode === "allow") return refused ? "require" : undefined
  if (mode === "prefer") return refused || reason.phase === "tls" ? "disable" : undefined
  return undefined
}

/** How a connection is encrypted. Certificates and keys are PEM texts. */
export interface TlsSettings {
  readonly mode: SslMode
  /** The certificate authorities; undefined means those that Node.js trusts. */
  readonly rootCertificate: string | undefined
  /** The certificate that the client presents, and its private key. */
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
  /** The name sent to the server and expected in its certificate; default: the host. */
  readonly serverName?: string | undefined
}

/** The reply `S` to SSLRequest (PostgreSQL docs, "SSL Session Encryption"). */
const ACCEPTED = 0x53

/** TLS could not be negotiated; the error catalogue matches these by their texts. */
class NegotiationError extends Data.TaggedError("NegotiationError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

/** The server answered `N`: it supports plaintext only. */
const tlsNotSupported = (): NegotiationError =>
  new NegotiationError({ message: "The server does not support TLS (it answered N to SSLRequest)" })

/**
 * Encrypts a connected socket as the mode requires (PostgreSQL docs, "SSL Support", table of `sslmode`): `disable` never
 * uses TLS; `allow` tries plaintext first; `prefer` takes what the server offers; `require` requires TLS; all three, like
 * libpq, verify the chain only when a root certificate is given; `verify-ca` always verifies the chain; `verify-full` also
 * the name. Fails with Node's error.
 */
export const requestTls = (
  raw: Net.Socket,
  host: string,
  settings: TlsSettings
): Effect.Effect<Net.Socket, unknown> => {
  if (settings.mode === "disable" || settings.mode === "allow") return Effect.succeed(raw)
  return Effect.flatMap(sendSslRequest(raw), (answer) => {
    if (answer === ACCEPTED) {
      return Effect.flatMap(
        Effect.tapError(secureContextOf(settings), () => Effect.sync(() => raw.destroy())),
        (secureContext) => handshake(raw, host, settings, secureContext)
      )
    }
    if (settings.mode === "prefer") return Effect.succeed(raw)
    raw.destroy()
    return Effect.fail(tlsNotSupported())
  })
}

const sendSslRequest = (raw: Net.Socket): Effect.Effect<number, unknown> =>
  Effect.callback<number, unknown>((resume) => {
    const settle = (effect: Effect.Effect<number, unknown>) => {
      raw.off("data", onData)
      raw.off("error", onError)
      raw.off("close", onClose)
      resume(effect)
    }
    const onError = (cause: Error) => settle(Effect.fail(cause))
    const onClose = () =>
      settle(Effect.fail(new NegotiationError({ message: "The connection was closed in answer to SSLRequest" })))
    const onData = (chunk: Buffer) => {
      if (chunk[0] === MessageType.ERROR_RESPONSE) {
        raw.destroy()
        return settle(Effect.fail(serverError(chunk)))
      }
      // More than one byte here may have been injected before the handshake (CVE-2021-23222).
      if (chunk.length !== 1) {
        raw.destroy()
        return settle(
          Effect.fail(new NegotiationError({ message: `Unexpected ${chunk.length} bytes in answer to SSLRequest` }))
        )
      }
      settle(Effect.succeed(chunk[0]!))
    }
    raw.on("data", onData)
    raw.on("error", onError)
    raw.on("close", onClose)
    raw.write(PgProtocol.encodeSslRequest())
    return Effect.sync(() => raw.destroy())
  })

/** The server answered SSLRequest with an ErrorResponse, such as too many clients. */
const serverError = (chunk: Buffer): Error => {
  const message = PgProtocol.makeParser()
    .push(chunk)
    .find((m) => m._tag === "ErrorResponse")
  return message === undefined
    ? new Error("The server answered SSLRequest with an error")
    : Object.assign(new Error(message.fields.message ?? "The server answered SSLRequest with an error"), message.fields)
}

/** Reading the certificates of a machine takes some 50 ms, so it is done once. */
const secureContexts = new WeakMap<TlsSettings, Tls.SecureContext>()

/** Reads certificates and key. Fails with OpenSSL's error as the cause when they cannot be used. */
const secureContextOf = (settings: TlsSettings): Effect.Effect<Tls.SecureContext, NegotiationError> =>
  Effect.try({
    try: () => {
      const known = secureContexts.get(settings)
      if (known !== undefined) return known
      const made = Tls.createSecureContext({
        ...(settings.rootCertificate === undefined ? {} : { ca: settings.rootCertificate }),
        ...(settings.certificate === undefined ? {} : { cert: settings.certificate }),
        ...(settings.key === undefined ? {} : { key: settings.key }),
        ...(settings.passphrase === undefined ? {} : { passphrase: settings.passphrase })
      })
      secureContexts.set(settings, made)
      return made
    },
    catch: (cause) => new NegotiationError({ message: "The certificate or the key cannot be used", cause })
  })

const handshake = (
  raw: Net.Socket,
  host: string,
  settings: TlsSettings,
  secureContext: Tls.SecureContext
): Effect.Effect<Net.Socket, unknown> =>
  Effect.callback<Net.Socket, unknown>((resume) => {
    const verifyChain =
      settings.mode === "verify-ca" || settings.mode === "verify-full" || settings.rootCertificate !== undefined
    const name = settings.serverName ?? host
    const socket = Tls.connect({
      socket: raw,
      ...(Net.isIP(name) === 0 ? { servername: name } : {}),
      secureContext,
      rejectUnauthorized: verifyChain,
      // libpq checks the name under verify-full alone.
      ...(settings.mode === "verify-full" ? { host: name } : { checkServerIdentity: () => undefined })
    })
    const onError = (cause: Error) => {
      socket.on("error", () => {})
      socket.destroy()
      resume(Effect.fail(cause))
    }
    const onClose = () =>
      resume(Effect.fail(new NegotiationError({ message: "The connection was closed during the TLS handshake" })))
    socket.once("error", onError)
    socket.once("close", onClose)
    socket.once("secureConnect", () => {
      socket.off("error", onError)
      socket.off("close", onClose)
      socket.on("error", () => {})
      resume(Effect.succeed(socket))
    })
    return Effect.sync(() => socket.destroy())
  })
