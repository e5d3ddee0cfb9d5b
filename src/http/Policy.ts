/** Which requests the operations server answers. Pure. */
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import type { Settings } from "../services/config/SessionConfig.ts"
import { isLoopback } from "../services/config/settings/Exposure.ts"

/** Open without a token: a platform's probes and scrapers have none. */
const openPaths: ReadonlySet<string> = new Set(["/livez", "/readyz", "/healthz", "/startupz", "/metrics"])

export const SIGN_IN_PATH = "/sign-in"

/** The part of a request that the decision depends on. */
export interface PolicyRequest {
  /** Path and query, as sent. */
  readonly url: string
  readonly method: string
  readonly host: string | undefined
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

/**
 * `foreign-host`: the Host header does not name this machine. `no-token-set`: the path requires a token and none is
 * configured. `token-required`: the token is missing or wrong.
 */
export type Access = "allowed" | "foreign-host" | "no-token-set" | "token-required"

export interface Policy {
  readonly check: (request: PolicyRequest) => Access
  /** Whether this is the token, compared in constant time; false when none is configured. */
  readonly isToken: (text: string) => boolean
  /** The cookie of a signed-in browser, from which the token cannot be derived; undefined when none is configured. */
  readonly cookie: string | undefined
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Compares digests, so that the time reveals neither the content nor the length of the secret. */
const same = (given: string, secret: string): boolean => timingSafeEqual(digest(given), digest(secret))

/** Whether a Host header names this machine. A foreign page that resolves to it (DNS rebinding) sends its own name. */
export const isOwnHost = (header: string | undefined): boolean => {
  if (header === undefined || !/^[\w.:[\]-]+$/.test(header)) return false
  const name = URL.parse(`http://${header}`)?.hostname.replace(/^\[(.*)\]$/, "$1")
  return name !== undefined && isLoopback(name)
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? ""

/** The token after `Bearer`; undefined for other schemes. */
const bearerOf = (header: string | undefined): string | undefined => /^bearer +(\S+) *$/i.exec(header ?? "")?.[1]

export const policyOf = ({ host, token }: Settings["http"]): Policy => {
  const secret = token === undefined ? undefined : Redacted.value(token)
  const cookie = secret === undefined ? undefined : createHmac("sha256", secret).update("signed in").digest("base64url")
  const isToken = (text: string): boolean => secret !== undefined && same(text, secret)
  const isLocal = isLoopback(host)

  const judge = (request: PolicyRequest): Access => {
    if (isLocal) return isOwnHost(request.host) ? "allowed" : "foreign-host"
    const path = pathOf(request.url)
    if (openPaths.has(path)) return "allowed"
    if (secret === undefined || cookie === undefined) return "no-token-set"
    if (path === SIGN_IN_PATH && request.method === "POST") return "allowed"
    const bearer = bearerOf(request.authorization)
    const isValid =
      (bearer !== undefined && isToken(bearer)) || (request.cookie !== undefined && same(request.cookie, cookie))
    return isValid ? "allowed" : "token-required"
  }
  return { check: judge, isToken, cookie }
}
