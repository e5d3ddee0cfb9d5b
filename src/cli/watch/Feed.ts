/** The live feed of a running program, from `/events`; it comes back by itself after every loss. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import type { HttpClient } from "effect/http/HttpClient"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { ask, foreign, type NoAnswer, silence } from "../status/StatusClient.ts"
import { cut, parsePlain } from "../terminal/PlainText.ts"
import type { Target } from "../status/Target.ts"
import { type FeedMessage, messageSchemas } from "./FeedMessage.ts"

const PATH = "/events"

/** A status comes every second and a heartbeat every 15 s: whoever says nothing for longer is gone. */
const SILENCE_MILLIS = 20_000

/** Between two attempts: short, because it is one reader on a machine nearby. */
const RETRY_MILLIS = 1000

/** A `hello` with a quarter of an hour in it is some 200 kB; this much is not the feed of a pool. */
const MOST_EVENT_CHARACTERS = 4 * 1024 * 1024

/** As much of a schema's complaint as a person can use. */
const COMPLAINT_WIDTH = 120

const isKnown = (kind: string): kind is keyof typeof messageSchemas => Object.hasOwn(messageSchemas, kind)

const decode = (target: Target, { data, event }: Sse.Event): Effect.Effect<ReadonlyArray<FeedMessage>, NoAnswer> => {
  if (!isKnown(event)) return Effect.succeed([])
  return Effect.try({ try: () => parsePlain(data), catch: () => "it is no JSON" }).pipe(
    Effect.flatMap((body) =>
      Effect.mapError(
        Schema.decodeUnknownEffect(messageSchemas[event] as Schema.ConstraintDecoder<unknown>)(body),
        ({ message }) => cut(message.split("\n", 1)[0] ?? "", COMPLAINT_WIDTH)
      )
    ),
    Effect.map((value) => [{ kind: event, data: value } as FeedMessage]),
    Effect.mapError((why) => foreign(target, PATH, `its "${event}" cannot be read (${why})`))
  )
}

/** One connection, from its head to its end. */
const connection = (target: Target, deadline: Duration.Duration): Stream.Stream<FeedMessage, NoAnswer, HttpClient> =>
  Stream.unwrap(
    Effect.map(ask(target, PATH, "text/event-stream", deadline), (response) => {
      const parsed: Array<Sse.Event> = []
      const parser = Sse.makeParser((event) => (event._tag === "Event" ? void parsed.push(event) : undefined), {
        maxEventSize: MOST_EVENT_CHARACTERS
      })
      return response.stream.pipe(
        Stream.mapError(() => silence(target, "the connection broke")),
        Stream.decodeText(),
        Stream.timeoutOrElse({
          duration: SILENCE_MILLIS,
          orElse: () => Stream.fail(silence(target, "it fell silent"))
        }),
        Stream.mapEffect((chunk) => {
          const tooLarge = parser.feed(chunk)
          if (tooLarge !== undefined) return Effect.fail(foreign(target, PATH, "it never ends a message"))
          return Effect.forEach(parsed.splice(0), (event) => decode(target, event))
        }),
        Stream.flattenIterable,
        Stream.flattenIterable
      )
    })
  )

/**
 * Follows the feed for ever and tells every message, `lost` among them.
 *
 * Fails with a `NoAnswer` when nothing came of the first attempt, or when trying again would not help. `deadline`
 * bounds each attempt to connect.
 */
export const follow = Effect.fnUntraced(function* (
  target: Target,
  deadline: Duration.Duration,
  tell: (message: FeedMessage) => Effect.Effect<void>
) {
  let reached = false
  const once = connection(target, deadline).pipe(
    Stream.runForEach((message) => {
      reached = true
      return tell(message)
    }),
    Effect.andThen(Effect.fail(silence(target, "the connection ended")))
  )
  while (true) {
    const failure = yield* Effect.flip(once)
    if (failure.lasting || !reached) return yield* failure
    yield* tell({ kind: "lost", data: { why: failure.brief } })
    yield* Effect.sleep(RETRY_MILLIS)
  }
})
