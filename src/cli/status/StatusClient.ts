/** One request to a running program, with a deadline, and in words whatever can go wrong with it. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import { monotonicMillis } from "../../services/wire/MonotonicClock.ts"
import { cut, plainText } from "../terminal/PlainText.ts"
import { formatMillis } from "../terminal/Quantity.ts"
import type { Target } from "./Target.ts"

/** The program does not answer as it should. `lasting`: asking again will not help. Ends the program with code 1. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{
  readonly message: string
  /** What happened, in a few words without the address and without what to do. */
  readonly brief: string
  readonly lasting: boolean
}> {}

/** As much of a foreign answer as tells who it is. */
const ANSWER_WIDTH = 200

const causesOf = (error: unknown): ReadonlyArray<unknown> => {
  const chain: Array<unknown> = []
  // An error may be its own cause; real chains are a handful long.
  const LONGEST_CHAIN = 8
  for (let next = error; Predicate.isObjectKeyword(next) && chain.length < LONGEST_CHAIN;) {
    chain.push(next)
    next = "reason" in next ? next.reason : "cause" in next ? next.cause : undefined
  }
  return chain
}

const wordsOf = (error: HttpClientError): string => {
  const chain = causesOf(error)
  for (const cause of chain.toReversed()) {
    if (Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code)) return cause.code
  }
  const last = chain.at(-1)
  return Predicate.isError(last) && last.message !== "" ? plainText(last.message) : "no connection"
}

const elsewhere = ({ given }: Target): string =>
  given
    ? 'Compare it with the address in the program\'s line "Operations at".'
    : 'Start the program with "effect-supavisor serve"; or, when it listens elsewhere, give the address of its line ' +
      '"Operations at" as --url or in HTTP_HOST and HTTP_PORT.'

/** Nothing came, or not in time. */
export const silence = (target: Target, what: string): NoAnswer =>
  new NoAnswer({
    lasting: false,
    brief: what,
    message: `No program answers at ${target.base}: ${what}. ${elsewhere(target)}`
  })

/** Something answers, but it is not what was asked for. */
export const foreign = (target: Target, path: string, what: string): NoAnswer =>
  new NoAnswer({
    lasting: true,
    brief: what,
    message: `What answers at ${target.base}${path} is no effect-supavisor of this version: ${what}. ${elsewhere(target)}`
  })

/** The first status of each kind of refusal (RFC 9110, section 15). */
const UNAUTHORIZED = 401
const FORBIDDEN = 403
const BUSY = 503
const SERVER_ERROR = 500

const refusalOf = (target: Target, path: string, status: number, body: string): NoAnswer => {
  const line = cut(plainText(body.trimStart().split("\n", 1)[0] ?? ""), ANSWER_WIDTH)
  const brief = `it answers ${status}`
  const said = line === "" || line.startsWith("<") ? "" : ` It says: ${line}`
  if (status === UNAUTHORIZED) {
    const message =
      target.token === undefined
        ? `The program at ${target.base} wants a token (401). Set HTTP_TOKEN to the one it was started with.`
        : `The program at ${target.base} does not accept this token (401). ` +
          "HTTP_TOKEN (or --token) must be the one it was started with."
    return new NoAnswer({ lasting: true, brief, message })
  }
  if (status === FORBIDDEN) {
    return new NoAnswer({ lasting: true, brief, message: `The program at ${target.base} refuses (403).${said}` })
  }
  if (status >= SERVER_ERROR) {
    const wait = status === BUSY ? " Ask again in a moment." : ""
    return new NoAnswer({ lasting: false, brief, message: `${target.base}${path} answers ${status}.${said}${wait}` })
  }
  return foreign(target, path, brief)
}

/** The body of a refusal is read for its first line only, and not waited for long. */
const REFUSAL_MILLIS = 1000

/**
 * Asks for a path; succeeds with the head of an answer of status 200, within the deadline. Its body is read by whoever
 * wants it, within a deadline of their own. Fails with a `NoAnswer` that says what to do.
 */
export const ask = Effect.fnUntraced(function* (
  target: Target,
  path: string,
  accept: string,
  deadline: Duration.Duration
) {
  const now = monotonicMillis(yield* Clock.Clock)
  const begun = now()
  const headers: Record<string, string> = { accept }
  if (target.token !== undefined) headers["authorization"] = `Bearer ${Redacted.value(target.token)}`
  const response: HttpClientResponse = yield* HttpClient.get(`${target.base}${path}`, { headers }).pipe(
    Effect.mapError((error) => silence(target, `${wordsOf(error)} after ${formatMillis(now() - begun)}`)),
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => Effect.fail(silence(target, `not a word within ${formatMillis(now() - begun)}`))
    })
  )
  if (response.status === 200) return response
  const body = yield* response.text.pipe(
    Effect.timeout(REFUSAL_MILLIS),
    Effect.orElseSucceed(() => "")
  )
  return yield* refusalOf(target, path, response.status, body)
})

/** The client of `ask`: a redirection is an answer, so that the token goes nowhere else. */
export const client: Layer.Layer<HttpClient.HttpClient> = FetchHttpClient.layer.pipe(
  Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
)
