/** Signing in with a browser: a page with a field for the token, and a cookie. */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import { createHash } from "node:crypto"
import { type Policy, SIGN_IN_PATH } from "./Policy.ts"

export const COOKIE = "effect_supavisor_session"

/** Enough for the longest token, 512 characters, when all of it is percent-encoded. */
const MAX_BODY = ByteSize.bytes(2048)

const BODY_TIMEOUT = Duration.seconds(5)

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 20vh auto 0; max-width: 22rem; padding: 0 1rem }
h1 { font-size: 1.25rem }
input, button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; margin-top: .4rem }
`

/** No scripts and nothing loaded; the style sheet is allowed by its digest (W3C CSP3, hash sources). */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'"
].join("; ")

const page = (note: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in - effect-supavisor</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>effect-supavisor</h1>
<p role="status">${note}</p>
<form method="post" action="${SIGN_IN_PATH}">
<label>Token (HTTP_TOKEN)
<input type="password" name="token" autocomplete="current-password" required autofocus>
</label>
<button>Sign in</button>
</form>
</main>
</body>
</html>
`

/** The authentication scheme (RFC 6750, section 3). */
export const challenge = { "www-authenticate": 'Bearer realm="effect-supavisor"' } as const

export const signInPage = (
  note = "This page requires the token of the operations server."
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(HttpServerResponse.html(page(note)).pipe(HttpServerResponse.setStatus(401)), {
    ...challenge,
    "cache-control": "no-store",
    "content-security-policy": policy
  })

const home = HttpServerResponse.redirect("/", { status: 303, headers: { "cache-control": "no-store" } })

const submittedToken: Effect.Effect<string | undefined, never, HttpServerRequest.HttpServerRequest> =
  HttpServerRequest.HttpServerRequest.pipe(
    Effect.flatMap((request) => request.urlParamsBody),
    Effect.map((form) => Option.getOrUndefined(UrlParams.getFirst(form, "token"))),
    Effect.provideService(HttpIncomingMessage.MaxBodySize, MAX_BODY),
    Effect.timeoutOption(BODY_TIMEOUT),
    Effect.map(Option.getOrUndefined),
    Effect.orElseSucceed(() => undefined)
  )

/** Answers the form: sets the cookie and redirects to the page, or shows the form again. */
export const signIn = ({ cookie, isToken }: Policy) =>
  Effect.gen(function* () {
    // Without a configured token there is nothing to sign in to.
    if (cookie === undefined) return home
    const token = yield* submittedToken
    if (token === undefined || !isToken(token.trim())) return signInPage("This is not the token. Try again.")
    return HttpServerResponse.setCookieUnsafe(home, COOKIE, cookie, { httpOnly: true, sameSite: "strict", path: "/" })
  })
