/**
 * The live feed: what `/status` tells, once a second and whenever it turns, and every new point and event, to everybody
 * who listens.
 *
 * A message is made once for all readers, and nothing is made while there are none. Who does not read fast enough is
 * cut off and comes back to a whole picture.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { HealthCheck } from "../services/observability/HealthCheck.ts"
import { monotonicMillis } from "../services/wire/MonotonicClock.ts"
import { type News, PoolHistory, STEP_MILLIS, WINDOW_MILLIS } from "../services/observability/PoolHistory.ts"
import type { SessionConfig } from "../services/config/SessionConfig.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"
import { makeStatus, type StatusBody } from "./Status.ts"
import { version } from "./Version.ts"
import * as Duration from "effect/Duration"
import * as Sse from "effect/encoding/Sse"

/** How soon a browser tries again when the stream broke, in milliseconds: a restart is over in about a second. */
const RETRY_MILLIS = 1000

/** Each name with what it carries: docs/operations-page.md shows them at work. */
export type MessageName = "hello" | "status" | "point" | "event" | "bye"

const encoder = new TextEncoder()

/** One message, with a value that becomes JSON. */
export const message = (name: MessageName, value: unknown): Uint8Array =>
  encoder.encode(Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data: JSON.stringify(value) }))

/** Says how soon to try again. */
export const retry: Uint8Array = encoder.encode(
  Sse.encoder.write(new Sse.Retry({ duration: Duration.millis(RETRY_MILLIS), lastEventId: undefined }))
)

/** A comment, which readers ignore: it keeps whatever stands in between from taking the stream for dead. */
export const heartbeat: Uint8Array = encoder.encode(": still here\n\n")

/** A team with a page open each, on a few screens; every reader costs a socket and what it has not read yet. */
const MOST_READERS = 32

/** Messages that a reader may fall behind: more than all events that the pool keeps for a slow listener (256). */
const MOST_BEHIND = 512

/** How often the status is told, in milliseconds: a person's eye does not follow faster numbers. */
const STATUS_MILLIS = 1000

/** A comment is sent after this many milliseconds: proxies take a stream for dead after thirty seconds and more. */
const HEARTBEAT_MILLIS = 15_000

/** How long readers may take to read the last word, in milliseconds: those near by take one. */
const FAREWELL_MILLIS = 200

/** Why a reader is not let in. */
export class FeedRefused extends Schema.TaggedError<FeedRefused>()("FeedRefused", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

interface Reader {
  readonly queue: Queue.Queue<Uint8Array, Cause.Done>
  readonly cut: () => void
}

/** Lets readers in, tells them what is new, and says goodbye. */
export class LiveFeed extends Context.Service<
  LiveFeed,
  {
    /**
     * The feed for one reader until the scope closes: `hello` and `status` first. `cut` is called when the reader has to
     * be cut off. Fails when there are too many readers, or none are let in any more.
     */
    readonly open: (cut: () => void) => Effect.Effect<Stream.Stream<Uint8Array>, FeedRefused, Scope.Scope>
    /** Sends a last status and `bye`, ends every stream within a fifth of a second, and lets nobody in any more. */
    readonly end: Effect.Effect<void>
  }
>()("effect-supavisor/LiveFeed") {
  /** Feeds as long as the layer is alive; its end does not say goodbye: `end` does. */
  static readonly layer: Layer.Layer<LiveFeed, never, HealthCheck | PoolHistory | SessionConfig | SessionPool> =
    Layer.effect(
      LiveFeed,
      Effect.suspend(() => make)
    )
}

const make = Effect.gen(function* () {
  const status = yield* makeStatus
  const history = yield* PoolHistory
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  const now = monotonicMillis(clock)
  const readers = new Set<Reader>()
  const wake = yield* Queue.sliding<void>(1)
  const deserted = yield* Deferred.make<void>()
  /** Nobody is let in any more. */
  let ending = false
  /** The last word was said: whoever is still reading it must not be taken for one who does not read. */
  let silent = false

  const tell = (bytes: Uint8Array): void => {
    if (silent) return
    for (const reader of readers) {
      if (Queue.offerUnsafe(reader.queue, bytes)) continue
      leave(reader)
      reader.cut()
    }
  }

  const leave = (reader: Reader): void => {
    readers.delete(reader)
    if (ending && readers.size === 0) Deferred.doneUnsafe(deserted, Effect.void)
  }

  const hear = (news: News): void => {
    if (readers.size === 0) return
    if (news._tag === "Point") return tell(message("point", news.point))
    tell(message("event", news.event))
    Queue.offerUnsafe(wake, undefined)
  }

  let lastTurn = ""
  let toldAt = now()
  const tellStatus = Effect.gen(function* () {
    const isDue = now() - toldAt >= STATUS_MILLIS
    if (isDue) toldAt = now()
    if (readers.size === 0) return
    const body = yield* status
    const turn = `${body.phase} ${body.health.state._tag}`
    if (!isDue && turn === lastTurn) return
    lastTurn = turn
    tell(message("status", body))
  })

  const telling = Effect.gen(function* () {
    yield* Effect.timeoutOption(Queue.take(wake), Math.max(0, toldAt + STATUS_MILLIS - now()))
    yield* tellStatus
  })
  const unbroken = <A>(effect: Effect.Effect<A>) =>
    Effect.catchCause(Effect.asVoid(effect), (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.interrupt : Effect.logError("The live feed broke off.", cause)
    )
  yield* Effect.forkScoped(Effect.forever(unbroken(telling)))
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.andThen(
        Effect.sleep(HEARTBEAT_MILLIS),
        Effect.sync(() => tell(heartbeat))
      )
    )
  )
  yield* history.follow(hear)

  /** In one step, so that nothing can come between the past that is read here and the news that follow it. */
  const admit = (cut: () => void, queue: Reader["queue"], body: StatusBody): Reader | FeedRefused => {
    if (ending) return new FeedRefused({ why: "The server is stopping." })
    if (readers.size >= MOST_READERS) {
      return new FeedRefused({ why: `${MOST_READERS} readers are connected already: close one and try again.` })
    }
    const { events, points } = history.past()
    const hello = {
      version,
      startedAt,
      demo: body.demo,
      stepMillis: STEP_MILLIS,
      windowMillis: WINDOW_MILLIS,
      history: points,
      events
    }
    for (const bytes of [retry, message("hello", hello), message("status", body)]) Queue.offerUnsafe(queue, bytes)
    const reader = { queue, cut }
    readers.add(reader)
    return reader
  }

  const enter = Effect.fnUntraced(function* (cut: () => void) {
    const admitted = admit(cut, yield* Queue.dropping<Uint8Array, Cause.Done>(MOST_BEHIND), yield* status)
    return admitted instanceof FeedRefused ? yield* admitted : admitted
  })

  const end = Effect.gen(function* () {
    ending = true
    if (readers.size === 0) return
    yield* unbroken(Effect.map(status, (body) => tell(message("status", body))))
    tell(message("bye", { reason: "shutdown" }))
    silent = true
    for (const { queue } of readers) Queue.endUnsafe(queue)
    yield* Effect.timeoutOption(Deferred.await(deserted), FAREWELL_MILLIS)
    for (const { cut } of Array.from(readers)) cut()
  })

  return {
    open: (cut: () => void) =>
      Effect.map(
        Effect.acquireRelease(enter(cut), (reader) => Effect.sync(() => leave(reader))),
        ({ queue }) => Stream.fromQueue(queue)
      ),
    end: yield* Effect.cached(Effect.uninterruptible(end))
  }
})
