/** TLS: encryption, the server's certificate, and what `DB_SSL_MODE` verifies of it. */
import * as Effect from "effect/Effect"
import type { SslMode } from "../../config/ConnectionString.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import { type CertificateFacts, type TlsFacts, unencrypted } from "../NetworkCheck.ts"
import {
  type CheckFunction,
  type DoctorContext,
  failedDial,
  failedResult,
  type RawResult,
  timedOut
} from "./DoctorContext.ts"
import { advise, actionFor, DATABASE_SETTINGS_PAGE } from "./Actions.ts"
import type { Action } from "./DoctorReport.ts"
import { counted, firstFew, given, listed, wordMillis } from "../../errors/Wording.ts"
import { MILLIS_PER_DAY } from "../../errors/Units.ts"

/** A certificate that expires within this many days is reported; most authorities warn a month ahead. */
const SOON_DAYS = 30

/** Names of a certificate that are shown. */
const SHOWN_NAMES = 3

const verifiedBy = (mode: SslMode, hasRoot: boolean): string => {
  if (mode === "verify-full") return "sslmode verify-full verifies the chain and the name"
  if (mode === "verify-ca" || (mode === "require" && hasRoot)) return `sslmode ${mode} verifies the chain, not the name`
  return `sslmode ${mode} does not verify the certificate`
}

const day = (millis: number): string => new Date(millis).toISOString().slice(0, "2026-01-01".length)

const describeExpiry = ({ validTo }: CertificateFacts, now: number): string => {
  const days = Math.floor((validTo - now) / MILLIS_PER_DAY)
  return days < 0 ? `expired on ${day(validTo)}` : `valid until ${day(validTo)} (${counted(days, "day")})`
}

const describeCertificate = (certificate: CertificateFacts, now: number): string => {
  const { chain, names } = certificate
  return `for ${firstFew(names, ", ", SHOWN_NAMES)}; chain ${chain.join(" < ")}; ${describeExpiry(certificate, now)}`
}

/** Why verify-full would refuse the certificate. */
const objections = ({ certificate, chainError }: TlsFacts, now: number): ReadonlyArray<string> =>
  certificate === undefined
    ? []
    : given([
        chainError !== undefined && `the chain is not trusted (${chainError})`,
        certificate.nameProblem !== undefined && "the host is not among the names",
        certificate.validTo < now && "the certificate has expired"
      ])

/** The action for a chain that is not trusted, without the command that shows the chain. */
const verifyAction = (context: DoctorContext): Action => {
  const untrusted = context.failure("tls", context.now(), { errno: "SELF_SIGNED_CERT_IN_CHAIN" })
  const { commands, text } = actionFor(untrusted, context.connection)
  return { text, commands: commands.slice(0, 1) }
}

const plaintext = (context: DoctorContext): RawResult => {
  const { mode } = context.settings.ssl
  const isHere = context.connection.kind === "loopback"
  const target = context.hostAndPort
  if (mode === "disable" || mode === "allow") {
    if (isHere) return { target, status: "info", details: `plaintext (sslmode ${mode}), on this machine` }
    const details = `plaintext (sslmode ${mode}): traffic can be read on the network`
    return { target, status: "warn", details, action: advise("Set DB_SSL_MODE=verify-full, or at least require.") }
  }
  const details = `plaintext: the server does not offer TLS and sslmode ${mode} does not require it`
  if (isHere) return { target, status: "info", details }
  return { target, status: "warn", details, action: advise("Enable TLS on the server and set DB_SSL_MODE=require.") }
}

const encrypted = (context: DoctorContext, facts: TlsFacts): RawResult => {
  const { mode } = context.settings.ssl
  const now = context.wallClock()
  const { certificate } = facts
  const target = `${facts.version ?? "TLS"}, ${certificate?.subject ?? "no certificate"}`
  const what = certificate === undefined ? "" : `; certificate ${describeCertificate(certificate, now)}`
  const details = `${verifiedBy(mode, context.endpoint.tls.rootCertificate !== undefined)}${what}`
  if (certificate !== undefined && certificate.validTo - now < SOON_DAYS * MILLIS_PER_DAY) {
    const isExpired = certificate.validTo < now
    const text = `Renew the server's certificate${isExpired ? " now" : ` before ${day(certificate.validTo)}`}.`
    return { target, status: "warn", details, action: advise(text) }
  }
  if (mode === "verify-full") return { target, status: "pass", details }
  const problems = objections(facts, now)
  const stricter =
    problems.length === 0 ? "verify-full would accept it" : `verify-full would refuse it: ${listed(problems)}`
  return { target, status: "warn", details: `${details}; ${stricter}`, action: verifyAction(context) }
}

const refused = (context: DoctorContext, error: SessionError, facts: TlsFacts): RawResult => {
  const { certificate } = facts
  const shown =
    certificate === undefined ? "" : `; certificate ${describeCertificate(certificate, context.wallClock())}`
  const subject = certificate === undefined ? context.hostAndPort : `${facts.version ?? "TLS"}, ${certificate.subject}`
  return failedResult(context, error, { target: subject }, shown)
}

/** Makes the TLS handshake of a session and describes the certificate. */
export const checkTls: CheckFunction = Effect.fnUntraced(function* (context, emit) {
  const { endpoint, limitMillis, network, now, reachableAddress, settings } = context
  const started = now()
  // Node.js reads this variable for every TLS connection without a setting of its own.
  if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    yield* emit({
      target: "NODE_TLS_REJECT_UNAUTHORIZED",
      status: "warn",
      details: "is 0: the process does not verify its other TLS connections, to any host",
      action: advise(
        `Remove it and use the CA certificate instead: ${DATABASE_SETTINGS_PAGE}.`,
        "unset NODE_TLS_REJECT_UNAUTHORIZED"
      )
    })
  }
  const { mode } = settings.ssl
  if (mode === "disable" || mode === "allow") return yield* emit(plaintext(context))
  const facts = yield* network.tls({ ...endpoint, address: reachableAddress }).pipe(
    Effect.timeoutOrElse({
      duration: limitMillis,
      orElse: () => {
        const noAnswer = timedOut(`no answer to the TLS request within ${wordMillis(limitMillis)}`)
        return Effect.succeed(unencrypted(context.failure("tls", started, noAnswer)))
      }
    })
  )
  const millis = now() - started
  // Under `prefer` a session continues in plaintext when TLS fails (libpq's table of `sslmode`).
  if (facts.failure !== undefined && mode !== "prefer") {
    const result = refused(context, facts.failure, facts)
    const named = facts.certificate === undefined ? yield* failedDial(context, facts.failure, result) : result
    return yield* emit({ ...named, millis })
  }
  const result = facts.isEncrypted && facts.failure === undefined ? encrypted(context, facts) : plaintext(context)
  return yield* emit({ ...result, millis })
})
