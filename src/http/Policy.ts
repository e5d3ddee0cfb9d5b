/** Who may read what of the operations server: pure. */
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"
import type { Settings } from "../services/config/SessionConfig.ts"
import { isLoopback } from "../services/config/settings/Exposure.ts"

/** Open to whoever reaches the server: a platform's probes and scrapers hold no token. */
const openPaths: ReadonlySet<string> = new Set(["/livez", "/readyz", "/healthz", "/startupz", "/metrics"])

/** Where the token is given by hand. */
export const SIGN_IN_PATH = "/sign-in"

/** What of a request decides. */
export interface Asked {
  /** The path and what follows it, as it was sent. */
  readonly url: string
  readonly method: string
  readonly host: string | undefined
  readonly authorization: string | undefined
  readonly cookie: string | undefined
}

/**
 * `passes`: may be answered. `foreign-host`: a name that is not this machine's was asked for. `no-token-set`: nobody may
 * read it before a token is set. `token-wanted`: the token was not shown, or it was another one.
 */
export type Verdict = "passes" | "foreign-host" | "no-token-set" | "token-wanted"

/** What decides, made once. */
export interface Policy {
  readonly judge: (asked: Asked) => Verdict
  /** Whether this is the token; in constant time. Always false where none is set. */
  readonly isToken: (text: string) => boolean
  /** What the cookie of a signed-in browser holds: no use to anybody who wants the token. Undefined without one. */
  readonly cookie: string | undefined
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest()

/** Compares digests: neither the content nor the length of the secret shows in the time that it takes. */
const same = (given: string, secret: string): boolean => timingSafeEqual(digest(given), digest(secret))

/**
 * Whether a Host header names this machine. A page from elsewhere whose name was made to lead here (DNS rebinding)
 * sends its own name.
 */
export const isOwnHost = (header: string | undefined): boolean => {
  if (header === undefined || !/^[\w.:[\]-]+$/.test(header)) return false
  const name = URL.parse(`http://${header}`)?.hostname.replace(/^\[(.*)\]$/, "$1")
  return name !== undefined && isLoopback(name)
}

const pathOf = (url: string): string => url.split(/[?#]/, 1)[0] ?? ""

/** What follows `Bearer`; undefined for other schemes. */
const bearerOf = (header: string | undefined): string | undefined => /^bearer +(\S+) *$/i.exec(header ?? "")?.[1]

/** Who may read what under these settings. */
export const policyOf = ({ host, token }: Settings["http"]): Policy => {
  const secret = token === undefined ? undefined : Redacted.value(token)
  const cookie = secret === undefined ? undefined : createHmac("sha256", secret).update("signed in").digest("base64url")
  const isToken = (text: string): boolean => secret !== undefined && same(text, secret)
  const isLocal = isLoopback(host)

  const judge = (asked: Asked): Verdict => {
    if (isLocal) return isOwnHost(asked.host) ? "passes" : "foreign-host"
    const path = pathOf(asked.url)
    if (openPaths.has(path)) return "passes"
    if (secret === undefined || cookie === undefined) return "no-token-set"
    if (path === SIGN_IN_PATH && asked.method === "POST") return "passes"
    const bearer = bearerOf(asked.authorization)
    const shown =
      (bearer !== undefined && isToken(bearer)) || (asked.cookie !== undefined && same(asked.cookie, cookie))
    return shown ? "passes" : "token-wanted"
  }
  return { judge, isToken, cookie }
}
