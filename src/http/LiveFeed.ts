/**
 * The feed of `/events`: the status once a second and whenever the phase or the health changes, and every new point
 * and event of the history.
 *
 * A message is encoded once for all readers, and nothing is encoded while there are none. A reader that falls too far
 * behind is disconnected; when it reconnects it gets the whole history.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sse from "effect/encoding/Sse"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SessionConfig } from "../services/config/SessionConfig.ts"
import type { HealthCheck } from "../services/observability/HealthCheck.ts"
import { guarded } from "../services/observability/RoutineLog.ts"
import { type HistoryUpdate, PoolHistory, STEP_MILLIS, WINDOW_MILLIS } from "../services/observability/PoolHistory.ts"
import type { SessionPool } from "../services/pool/SessionPool.ts"
import { monotonicMillis } from "../services/wire/MonotonicClock.ts"
import { makeStatus } from "./Status.ts"
import { type FeedMessageData, type FeedMessageName, feedMessages } from "./StatusSchema.ts"
import { version } from "./Version.ts"

/** After which a browser reconnects, in milliseconds. */
const RETRY_MILLIS = 1000

/** Most readers at the same time. Each costs a socket and its queue. */
const MAX_READERS = 32

/** Messages in a reader's queue: more than the events that the pool keeps for a slow subscriber (256). */
const MAX_QUEUED = 512

const STATUS_MILLIS = 1000

/** Proxies close a stream that is silent for thirty seconds or more. */
const HEARTBEAT_MILLIS = 15_000

/** How long readers may take to read the last messages, in milliseconds. */
const CLOSE_MILLIS = 200

const encoder = new TextEncoder()

const message = <Name extends FeedMessageName>(name: Name, value: FeedMessageData<Name>): Uint8Array => {
  const schema: Schema.ConstraintEncoder<unknown> = feedMessages[name]
  const data = JSON.stringify(Schema.encodeSync(schema)(value))
  return encoder.encode(Sse.encoder.write({ _tag: "Event", event: name, id: undefined, data }))
}

const retry: Uint8Array = encoder.encode(
  Sse.encoder.write(new Sse.Retry({ duration: Duration.millis(RETRY_MILLIS), lastEventId: undefined }))
)

/** A comment, which readers ignore. */
const heartbeat: Uint8Array = encoder.encode(": heartbeat\n\n")

export class FeedRefused extends Schema.TaggedError<FeedRefused>()("FeedRefused", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

interface Reader {
  readonly queue: Queue.Queue<Uint8Array, Cause.Done>
  readonly disconnect: () => void
}

/** Feeds readers with status, points and events. */
export class LiveFeed extends Context.Service<
  LiveFeed,
  {
    /**
     * The feed for one reader until the scope closes: `hello` and `status` first. `disconnect` is called when the reader
     * falls too far behind. Fails when there are too many readers, or when the server is stopping.
     */
    readonly open: (disconnect: () => void) => Effect.Effect<Stream.Stream<Uint8Array>, FeedRefused, Scope.Scope>
    /** Sends a last status and `bye`, ends every stream within 200 ms, and rejects new readers. */
    readonly end: Effect.Effect<void>
  }
>()("effect-supavisor/LiveFeed") {
  /** Feeds until the layer's scope closes. Only `end` sends `bye`. */
  static readonly layer: Layer.Layer<LiveFeed, never, HealthCheck | PoolHistory | SessionConfig | SessionPool> =
    Layer.effect(
      LiveFeed,
      Effect.suspend(() => make)
    )
}

const logFailure = guarded("Sending the live feed failed.")

const make = Effect.gen(function* () {
  const status = yield* makeStatus
  const history = yield* PoolHistory
  const clock = yield* Clock.Clock
  const startedAt = clock.currentTimeMillisUnsafe()
  const now = monotonicMillis(clock)
  const readers = new Set<Reader>()
  const wake = yield* Queue.sliding<void>(1)
  const allGone = yield* Deferred.make<void>()
  let ending = false
  /** The queues have ended; offering to them would disconnect readers that still read the last messages. */
  let ended = false

  const send = (bytes: Uint8Array): void => {
    if (ended) return
    for (const reader of readers) {
      if (Queue.offerUnsafe(reader.queue, bytes)) continue
      remove(reader)
      reader.disconnect()
    }
  }

  const remove = (reader: Reader): void => {
    readers.delete(reader)
    if (ending && readers.size === 0) Deferred.doneUnsafe(allGone, Effect.void)
  }

  const onUpdate = (update: HistoryUpdate): void => {
    if (readers.size === 0) return
    if (update._tag === "Point") return send(message("point", update.point))
    send(message("event", update.event))
    Queue.offerUnsafe(wake, undefined)
  }

  let lastState = ""
  let sentAt = now()
  const sendStatus = Effect.gen(function* () {
    const isDue = now() - sentAt >= STATUS_MILLIS
    if (isDue) sentAt = now()
    if (readers.size === 0) return
    const body = yield* status
    const state = `${body.phase} ${body.health.state._tag}`
    if (!isDue && state === lastState) return
    lastState = state
    send(message("status", body))
  })

  const sendNext = Effect.gen(function* () {
    yield* Effect.timeoutOption(Queue.take(wake), Math.max(0, sentAt + STATUS_MILLIS - now()))
    yield* sendStatus
  })
  yield* Effect.forkScoped(Effect.forever(logFailure(sendNext)))
  const beat = Effect.sync(() => send(heartbeat))
  yield* Effect.forkScoped(Effect.forever(Effect.delay(beat, HEARTBEAT_MILLIS)))
  yield* history.subscribe(onUpdate)

  const enter = Effect.fnUntraced(function* (disconnect: () => void) {
    const queue = yield* Queue.dropping<Uint8Array, Cause.Done>(MAX_QUEUED)
    const body = yield* status
    // Synchronous from here, so that no update falls between the history and the reader's first update.
    if (ending) return yield* new FeedRefused({ reason: "The server is stopping." })
    if (readers.size >= MAX_READERS) {
      const reason = `${MAX_READERS} readers are connected already: close one and try again.`
      return yield* new FeedRefused({ reason })
    }
    const { demo } = body
    const { events, points } = history.contents()
    const sizes = { stepMillis: STEP_MILLIS, windowMillis: WINDOW_MILLIS }
    const hello = { version, startedAt, demo, ...sizes, history: points, events }
    for (const bytes of [retry, message("hello", hello), message("status", body)]) Queue.offerUnsafe(queue, bytes)
    const reader: Reader = { queue, disconnect }
    readers.add(reader)
    return reader
  })

  const end = Effect.gen(function* () {
    ending = true
    if (readers.size === 0) return
    yield* logFailure(Effect.map(status, (body) => send(message("status", body))))
    send(message("bye", { reason: "shutdown" }))
    ended = true
    for (const { queue } of readers) Queue.endUnsafe(queue)
    yield* Effect.timeoutOption(Deferred.await(allGone), CLOSE_MILLIS)
    for (const { disconnect } of Array.from(readers)) disconnect()
  })

  return {
    open: (disconnect: () => void) =>
      Effect.map(
        Effect.acquireRelease(enter(disconnect), (reader) => Effect.sync(() => remove(reader))),
        ({ queue }) => Stream.fromQueue(queue)
      ),
    end: yield* Effect.cached(Effect.uninterruptible(end))
  }
})
