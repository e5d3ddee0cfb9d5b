/** The messages of `/events` of a running program. The connection is opened again after every loss. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type { HttpClient } from "effect/http/HttpClient"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type FeedMessageData, type FeedMessageName, feedMessages } from "../../http/StatusSchema.ts"
import type { OperationsAddress } from "../status/OperationsAddress.ts"
import { decodePlain, request, type StatusUnavailable, unexpected, unreachable } from "../status/StatusClient.ts"

const PATH = "/events"

/** The server sends a status every second and a heartbeat every 15 s; without either the connection is dead. */
const SILENCE_MILLIS = 20_000

const RETRY_MILLIS = 1000

/** A `hello` with a history of 15 minutes has some 200 kB; a longer message is not one of this feed. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024

/** A message of the server, or `disconnected` when the connection was lost. */
export type FeedMessage =
  | {
      readonly [Name in FeedMessageName]: { readonly kind: Name; readonly data: FeedMessageData<Name> }
    }[FeedMessageName]
  | { readonly kind: "disconnected"; readonly data: { readonly why: string } }

const isKnown = (name: string): name is FeedMessageName => Object.hasOwn(feedMessages, name)

const decode = (
  address: OperationsAddress,
  { data, event }: Sse.Event
): Effect.Effect<ReadonlyArray<FeedMessage>, StatusUnavailable> => {
  // A newer server may send further kinds.
  if (!isKnown(event)) return Effect.succeed([])
  const schema: Schema.ConstraintDecoder<unknown> = feedMessages[event]
  return decodePlain(schema)(data).pipe(
    Effect.map((value) => [{ kind: event, data: value } as FeedMessage]),
    Effect.mapError((why) => unexpected(address, PATH, `its "${event}" ${why}`))
  )
}

const connection = (
  address: OperationsAddress,
  deadline: Duration.Duration
): Stream.Stream<FeedMessage, StatusUnavailable, HttpClient> =>
  Stream.unwrap(
    Effect.map(request(address, PATH, "text/event-stream", deadline), (response) => {
      const parsed: Array<Sse.Event> = []
      const parser = Sse.makeParser((event) => (event._tag === "Event" ? void parsed.push(event) : undefined), {
        maxEventSize: MAX_EVENT_CHARACTERS
      })
      return response.stream.pipe(
        Stream.mapError(() => unreachable(address, "the connection broke")),
        Stream.decodeText(),
        Stream.timeoutOrElse({
          duration: SILENCE_MILLIS,
          orElse: () => Stream.fail(unreachable(address, "it stopped sending"))
        }),
        Stream.mapEffect((chunk) => {
          const tooLarge = parser.feed(chunk)
          if (tooLarge !== undefined) return Effect.fail(unexpected(address, PATH, "a message is too long"))
          return Effect.forEach(parsed.splice(0), (event) => decode(address, event))
        }),
        Stream.flattenIterable,
        Stream.flattenIterable
      )
    })
  )

/**
 * Calls `onMessage` for every message and for every loss of the connection, without an end.
 *
 * Fails with a `StatusUnavailable` when the first attempt brings no message, or when a retry cannot help. `deadline`
 * bounds each attempt to connect.
 */
export const follow = Effect.fnUntraced(function* (
  address: OperationsAddress,
  deadline: Duration.Duration,
  onMessage: (message: FeedMessage) => Effect.Effect<void>
) {
  let reached = false
  const once = connection(address, deadline).pipe(
    Stream.runForEach((message) => {
      reached = true
      return onMessage(message)
    }),
    Effect.andThen(Effect.fail(unreachable(address, "the connection ended")))
  )
  while (true) {
    const failure = yield* Effect.flip(once)
    if (failure.permanent || !reached) return yield* failure
    yield* onMessage({ kind: "disconnected", data: { why: failure.brief } })
    yield* Effect.sleep(RETRY_MILLIS)
  }
})
