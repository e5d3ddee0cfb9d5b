/** Requests to the operations server of a running program, with a deadline, and the messages of what can go wrong. */
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
import * as Schema from "effect/Schema"
import { monotonicMillis } from "../../services/wire/MonotonicClock.ts"
import { cut, parsePlain, plainText } from "../terminal/PlainText.ts"
import { formatMillis } from "../terminal/Quantity.ts"
import type { OperationsAddress } from "./OperationsAddress.ts"

/** The program gives no usable answer. `permanent`: a retry will not help. Ends the program with code 1. */
export class StatusUnavailable extends Data.TaggedError("StatusUnavailable")<{
  readonly message: string
  /** What happened, without the address and the remedy. */
  readonly brief: string
  readonly permanent: boolean
}> {}

const ANSWER_WIDTH = 200

const SCHEMA_MESSAGE_WIDTH = 120

/** An error may be its own cause; real chains are shorter than this. */
const LONGEST_CHAIN = 8

const causesOf = (error: unknown): ReadonlyArray<unknown> => {
  const chain: Array<unknown> = []
  for (let next = error; Predicate.isObjectKeyword(next) && chain.length < LONGEST_CHAIN;) {
    chain.push(next)
    next = "reason" in next ? next.reason : "cause" in next ? next.cause : undefined
  }
  return chain
}

const textOf = (error: HttpClientError): string => {
  const chain = causesOf(error)
  for (const cause of chain.toReversed()) {
    if (Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code)) return cause.code
  }
  const last = chain.at(-1)
  return Predicate.isError(last) && last.message !== "" ? plainText(last.message) : "no connection"
}

const addressRemedy = ({ given }: OperationsAddress): string =>
  given
    ? 'Compare it with the address in the program\'s line "Operations at".'
    : 'Start the program with "effect-supavisor serve"; or, when it listens elsewhere, give the address of its line ' +
      '"Operations at" as --url or in HTTP_HOST and HTTP_PORT.'

/** There is no complete answer in time. */
export const unreachable = (address: OperationsAddress, what: string): StatusUnavailable =>
  new StatusUnavailable({
    permanent: false,
    brief: what,
    message: `No program answers at ${address.base}: ${what}. ${addressRemedy(address)}`
  })

/** There is an answer, and it is not one of this version's operations server. */
export const unexpected = (address: OperationsAddress, path: string, what: string): StatusUnavailable =>
  new StatusUnavailable({
    permanent: true,
    brief: what,
    message:
      `What answers at ${address.base}${path} is no effect-supavisor of this version: ${what}. ` +
      addressRemedy(address)
  })

/** HTTP status codes (RFC 9110, section 15). */
const OK = 200
const UNAUTHORIZED = 401
const FORBIDDEN = 403
const SERVER_ERROR = 500
const UNAVAILABLE = 503

const rejected = (address: OperationsAddress, path: string, status: number, body: string): StatusUnavailable => {
  const line = cut(plainText(body.trimStart().split("\n", 1)[0] ?? ""), ANSWER_WIDTH)
  const brief = `it answers ${status}`
  const unavailable = (message: string, permanent = true) => new StatusUnavailable({ permanent, brief, message })
  const reason = line === "" || line.startsWith("<") ? "" : ` Its message: ${line}`
  if (status === UNAUTHORIZED) {
    return unavailable(
      address.token === undefined
        ? `The program at ${address.base} requires a token (401). Set HTTP_TOKEN to the one it was started with.`
        : `The program at ${address.base} does not accept this token (401). ` +
            "HTTP_TOKEN (or --token) must be the one it was started with."
    )
  }
  if (status === FORBIDDEN) return unavailable(`The program at ${address.base} refuses the request (403).${reason}`)
  if (status >= SERVER_ERROR) {
    const retry = status === UNAVAILABLE ? " Try again in a moment." : ""
    return unavailable(`${address.base}${path} answers ${status}.${reason}${retry}`, false)
  }
  return unexpected(address, path, brief)
}

/** How long to wait for the body of an error response, of which the first line is shown. */
const ERROR_BODY_MILLIS = 1000

/**
 * Requests a path; succeeds with the head of a response of status 200 within the deadline. The caller reads the body
 * within a deadline of its own. Fails with a `StatusUnavailable` that names the remedy.
 */
export const request = Effect.fnUntraced(function* (
  address: OperationsAddress,
  path: string,
  accept: string,
  deadline: Duration.Duration
) {
  const now = monotonicMillis(yield* Clock.Clock)
  const began = now()
  const headers: Record<string, string> = { accept }
  if (address.token !== undefined) headers["authorization"] = `Bearer ${Redacted.value(address.token)}`
  const response: HttpClientResponse = yield* HttpClient.get(`${address.base}${path}`, { headers }).pipe(
    Effect.mapError((error) => unreachable(address, `${textOf(error)} after ${formatMillis(now() - began)}`)),
    Effect.timeoutOrElse({
      duration: deadline,
      orElse: () => Effect.fail(unreachable(address, `no answer within ${formatMillis(now() - began)}`))
    })
  )
  if (response.status === OK) return response
  const body = yield* response.text.pipe(
    Effect.timeout(ERROR_BODY_MILLIS),
    Effect.orElseSucceed(() => "")
  )
  return yield* rejected(address, path, response.status, body)
})

/** Decodes JSON without control characters. Fails with a predicate: why it cannot be decoded. */
export const decodePlain =
  <S extends Schema.ConstraintDecoder<unknown>>(schema: S) =>
  (json: string): Effect.Effect<S["Type"], string> =>
    Effect.try({ try: () => parsePlain(json), catch: () => "is no JSON" }).pipe(
      Effect.flatMap((body) =>
        Effect.mapError(
          Schema.decodeUnknownEffect(schema)(body),
          ({ message }) => `has an unexpected form (${cut(message.split("\n", 1)[0] ?? "", SCHEMA_MESSAGE_WIDTH)})`
        )
      )
    )

/** The HTTP client of `request`. It follows no redirection, so that the token is sent to no other server. */
export const client: Layer.Layer<HttpClient.HttpClient> = FetchHttpClient.layer.pipe(
  Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, { redirect: "manual" }))
)
