/** TLS: what is encrypted, what the server shows, and what of it `DB_SSL_MODE` verifies. */
import * as Effect from "effect/Effect"
import type { SslMode } from "../../config/ConnectionString.ts"
import type { SessionError } from "../../errors/SessionError.ts"
import { type CertificateFacts, type TlsFacts, unencrypted } from "../NetworkCheck.ts"
import { type CheckFunction, type DoctorContext, failedResult, type RawResult, timedOut } from "./DoctorContext.ts"
import { actionFor, DATABASE_SETTINGS_PAGE } from "./Actions.ts"
import type { Action } from "./DoctorReport.ts"
import { formatMillis } from "./Format.ts"
import { counted, firstFew, listed } from "../../errors/Wording.ts"
import { MILLIS_PER_DAY } from "../../errors/Units.ts"

/** A month is what a person needs to have a certificate renewed; most authorities warn then too. */
const SOON_DAYS = 30

/** More names than these say nothing more to a person. */
const SHOWN_NAMES = 3

const verifiedBy = (mode: SslMode, hasRoot: boolean): string => {
  if (mode === "verify-full") return "sslmode verify-full verifies chain and name"
  if (mode === "verify-ca" || (mode === "require" && hasRoot)) return `sslmode ${mode} verifies the chain, not the name`
  return `sslmode ${mode} verifies nothing`
}

const day = (millis: number): string => new Date(millis).toISOString().slice(0, "2026-01-01".length)

const wordEnd = ({ validTo }: CertificateFacts, now: number): string => {
  const days = Math.floor((validTo - now) / MILLIS_PER_DAY)
  return days < 0 ? `expired on ${day(validTo)}` : `valid to ${day(validTo)} (${counted(days, "day")})`
}

const describeCertificate = (certificate: CertificateFacts, now: number): string => {
  const { chain, names } = certificate
  return `for ${firstFew(names, ", ", SHOWN_NAMES)}; chain ${chain.join(" < ")}; ${wordEnd(certificate, now)}`
}

/** What a stricter mode would object to. */
const objections = (facts: TlsFacts, now: number): ReadonlyArray<string> => {
  const { certificate, distrust } = facts
  if (certificate === undefined) return []
  return [
    ...(distrust === undefined ? [] : [`the chain is not trusted (${distrust})`]),
    ...(certificate.nameProblem === undefined ? [] : ["the host is not among the names"]),
    ...(certificate.validTo < now ? ["the certificate has expired"] : [])
  ]
}

const verifyAction = (context: DoctorContext): Action => {
  const base = actionFor(context.failure("tls", context.now(), UNTRUSTED), context.connection)
  return { text: base.text, commands: base.commands.slice(0, 1) }
}

const UNTRUSTED = Object.assign(new Error("unverified"), { code: "SELF_SIGNED_CERT_IN_CHAIN" })

const plaintext = (context: DoctorContext): RawResult => {
  const { mode } = context.settings.ssl
  const isHere = context.connection.kind === "loopback"
  const target = context.hostAndPort
  if (mode === "disable" || mode === "allow") {
    return isHere
      ? { target, status: "info", details: `plaintext (sslmode ${mode}), on this machine` }
      : {
          target,
          status: "warn",
          details: `plaintext (sslmode ${mode}): whoever is on the way reads along`,
          action: { text: "Set DB_SSL_MODE=require, or better verify-full.", commands: [] }
        }
  }
  return {
    target,
    status: isHere ? "info" : "warn",
    details: `plaintext: the server offers no TLS and sslmode ${mode} goes on without`,
    action: isHere ? undefined : { text: "Switch TLS on at the server and set DB_SSL_MODE=require.", commands: [] }
  }
}

const encrypted = (context: DoctorContext, facts: TlsFacts): RawResult => {
  const { settings, wallClock } = context
  const { mode } = settings.ssl
  const now = wallClock()
  const { certificate } = facts
  const target = `${facts.version ?? "TLS"}, ${certificate?.subject ?? "no certificate"}`
  const what = certificate === undefined ? "" : `; certificate ${describeCertificate(certificate, now)}`
  const details = `${verifiedBy(mode, context.endpoint.tls.rootCertificate !== undefined)}${what}`
  const isVerified = mode === "verify-full"
  const objected = objections(facts, now)
  if (certificate !== undefined && certificate.validTo - now < SOON_DAYS * MILLIS_PER_DAY) {
    const isOver = certificate.validTo < now
    const text = `Renew the server's certificate${isOver ? " now" : ` before ${day(certificate.validTo)}`}.`
    return { target, status: "warn", details, action: { text, commands: [] } }
  }
  if (isVerified) return { target, status: "pass", details }
  const stricter =
    objected.length === 0 ? "verify-full would accept it" : `verify-full would refuse it: ${listed(objected)}`
  return { target, status: "warn", details: `${details}; ${stricter}`, action: verifyAction(context) }
}

const refused = (context: DoctorContext, error: SessionError, facts: TlsFacts): RawResult => {
  const { certificate } = facts
  const shown =
    certificate === undefined ? "" : `; certificate ${describeCertificate(certificate, context.wallClock())}`
  const subject = certificate === undefined ? context.hostAndPort : `${facts.version ?? "TLS"}, ${certificate.subject}`
  return failedResult(context, error, { target: subject }, shown)
}

/** Node.js reads this variable itself, for every TLS connection that does not say otherwise. */
const switchedOff = (): RawResult | undefined =>
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0"
    ? {
        target: "NODE_TLS_REJECT_UNAUTHORIZED",
        status: "warn",
        details: "is 0: every other TLS connection of this process goes unverified, to all hosts",
        action: {
          text: `Remove it and trust the CA instead: ${DATABASE_SETTINGS_PAGE}.`,
          commands: ["unset NODE_TLS_REJECT_UNAUTHORIZED"]
        }
      }
    : undefined

/** Shakes hands as a session would, and describes what the server shows. */
export const checkTls: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { endpoint, limitMillis, network, now, reachableAddress: reachable, settings } = context
    const began = now()
    const off = switchedOff()
    if (off !== undefined) yield* emit(off)
    const { mode } = settings.ssl
    if (mode === "disable" || mode === "allow") return yield* emit(plaintext(context))
    const facts = yield* network.tls({ ...endpoint, address: reachable }).pipe(
      Effect.timeoutOrElse({
        duration: limitMillis,
        orElse: () => {
          const silence = timedOut(`no answer to the request for TLS within ${formatMillis(limitMillis)}`)
          return Effect.succeed(unencrypted(context.failure("tls", began, silence)))
        }
      })
    )
    const millis = now() - began
    // Under `prefer` a session goes on in plaintext when TLS fails (libpq's table of `sslmode`).
    if (facts.failure !== undefined && mode !== "prefer") {
      return yield* emit({ ...refused(context, facts.failure, facts), millis })
    }
    const result = facts.isEncrypted && facts.failure === undefined ? encrypted(context, facts) : plaintext(context)
    return yield* emit({ ...result, millis })
  })
