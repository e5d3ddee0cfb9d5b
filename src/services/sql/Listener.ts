/**
 * LISTEN for a whole application on one session, across losses.
 *
 * Sessions are scarce behind a session pooler, so all channels share one, acquired for the first listener and released
 * after the last. When it is lost, LISTEN is repeated on another one, and every consumer receives a notification that
 * others may have been missed in between: PostgreSQL keeps none.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { SqlError } from "effect/sql/SqlError"
import type { Notification } from "@effect/sql-pg/PgConnection"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import type { SessionLease } from "../pool/SessionLease.ts"
import { SessionError } from "../errors/SessionError.ts"
import { toSqlError } from "../errors/SqlErrors.ts"

/**
 * Marks in a listener's queue where notifications may be missing. `gap` has the time span and the reason; the process id
 * is 0, which no backend has. The consumer should read its data again.
 */
export interface NotificationGap extends Notification {
  readonly processId: 0
  readonly payload: ""
  readonly gap: { readonly since: Date; readonly until: Date; readonly reason: SessionError | undefined }
}

/** Whether a notification is a gap. */
export const isGap = (notification: Notification): notification is NotificationGap => "gap" in notification

/**
 * Notifications that a slow consumer may leave unread; beyond it the oldest are dropped. The session serves other
 * consumers too, and a queue without a bound is a leak.
 */
const QUEUE_CAPACITY = 16_384

/** Pause between two attempts to listen again, in milliseconds; the pool limits its dials itself. */
const RETRY_MILLIS = 250

type Consumer = Queue.Queue<Notification, SqlError>

/** Listens to channels. */
export class Listener extends Context.Service<
  Listener,
  {
    /**
     * Registers a listener; the queue ends with the scope. Fails when LISTEN fails. After a lost session the queue
     * continues, with a `NotificationGap` first.
     */
    readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope>
  }
>()("effect-supavisor/Listener") {
  static readonly layer: Layer.Layer<Listener, never, SessionPool | SessionConfig> = Layer.effect(
    Listener,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const config = yield* SessionConfig
      if (config.connectionType === "supavisor_transaction") return { listen: () => Effect.fail(noSession()) }
      return yield* makeListener(pool, Duration.toMillis(config.healthCheckInterval))
    })
  )
}

/** Under transaction pooling LISTEN is accepted, but no notification ever arrives (observed on Supavisor 2.9.7). */
const noSession = (): SqlError =>
  toSqlError(
    SessionError.configurationInvalid([
      {
        name: "DB_CONNECTION_TYPE",
        received: "supavisor_transaction",
        expected: "a mode that keeps sessions, because LISTEN needs one",
        remedy: "Use the session port, 5432, with supavisor_session."
      }
    ]),
    "listen"
  )

/** The current session, and the channels listened to on it. */
interface Attachment {
  readonly lease: SessionLease
  readonly scope: Scope.Closeable
  readonly channels: Set<string>
  readonly ended: Deferred.Deferred<void>
}

const makeListener = Effect.fnUntraced(function* (pool: SessionPool["Service"], probeMillis: number) {
  const layerScope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const onClock = Effect.provideService(Clock.Clock, clock)
  const consumers = new Map<string, Set<Consumer>>()
  // Two first listeners must not acquire two sessions.
  const attachLock = yield* Semaphore.make(1)
  let attachment: Attachment | undefined

  const dispatch = (channel: string, queue: Queue.Dequeue<Notification, SqlError>, current: Attachment) =>
    Queue.take(queue).pipe(
      Effect.map((notification) => {
        for (const consumer of consumers.get(channel) ?? []) Queue.offerUnsafe(consumer, notification)
      }),
      Effect.forever,
      Effect.catchCause(() => Effect.asVoid(Deferred.succeed(current.ended, undefined)))
    )

  const listenOn = Effect.fnUntraced(function* (current: Attachment, channel: string) {
    if (current.channels.has(channel)) return
    const queue = yield* Scope.provide(current.lease.listen(channel), current.scope)
    current.channels.add(channel)
    yield* Effect.forkIn(dispatch(channel, queue, current), current.scope)
  })

  /** Probes the session: it sends no statements, so nothing else would notice a silent peer. */
  const probeRegularly = (current: Attachment) =>
    Effect.suspend(() => current.lease.session?.probe ?? Effect.succeed(false)).pipe(
      Effect.delay(probeMillis),
      Effect.repeat({ while: (isAlive) => isAlive }),
      Effect.andThen(
        Effect.sync(() => {
          current.lease.session?.kill(
            SessionError.sessionLost({
              ...pool.endpoint,
              phase: "listen",
              failure: new Error("The listening session did not answer a probe"),
              elapsedMillis: probeMillis,
              statementInFlight: false
            })
          )
        })
      )
    )

  const attach: () => Effect.Effect<Attachment, SqlError> = Effect.fnUntraced(function* () {
    const scope = yield* Scope.fork(layerScope)
    return yield* Effect.gen(function* () {
      const lease = yield* Scope.provide(pool.reserve, scope)
      lease.longLived = true
      const current: Attachment = { lease, scope, channels: new Set(), ended: Deferred.makeUnsafe() }
      for (const channel of consumers.keys()) yield* listenOn(current, channel)
      attachment = current
      yield* Effect.forkIn(onClock(probeRegularly(current)), scope)
      yield* Effect.forkIn(onClock(reattach(current)), layerScope)
      return current
    }).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))))
  })

  const detach = (current: Attachment) => {
    if (attachment === current) attachment = undefined
    Deferred.doneUnsafe(current.ended, Effect.void)
    return Scope.close(current.scope, Exit.void)
  }

  /** Releases the session if the last listener left while it was acquired. */
  const detachIfUnused = (current: Attachment) => (consumers.size === 0 ? detach(current) : Effect.void)

  /** Waits for the end of a session, then listens again while there are listeners. */
  const reattach: (current: Attachment) => Effect.Effect<void> = Effect.fnUntraced(
    function* (current: Attachment) {
      yield* Deferred.await(current.ended)
      if (attachment !== current) return
      const reason = current.lease.session?.lost
      const since = new Date(clock.currentTimeMillisUnsafe())
      yield* detach(current)
      yield* attachLock
        .withPermit(
          Effect.suspend(() =>
            consumers.size === 0 || attachment !== undefined ? Effect.void : Effect.flatMap(attach(), detachIfUnused)
          )
        )
        .pipe(
          Effect.retry({ while: () => consumers.size > 0, schedule: Schedule.spaced(RETRY_MILLIS) }),
          // No listener is left, so the failure concerns none.
          Effect.ignore
        )
      const until = new Date(clock.currentTimeMillisUnsafe())
      for (const [channel, queues] of consumers) {
        const gap: NotificationGap = { processId: 0, channel, payload: "", gap: { since, until, reason } }
        for (const consumer of queues) Queue.offerUnsafe(consumer, gap)
      }
    },
    Effect.catchCause((cause) => Effect.logWarning("Listening again failed", Cause.pretty(cause)))
  )

  const removeConsumer = (channel: string, consumer: Consumer) =>
    Effect.suspend(() => {
      const queues = consumers.get(channel)
      queues?.delete(consumer)
      if (queues?.size === 0) consumers.delete(channel)
      const idle = consumers.size === 0 && attachment !== undefined
      return Effect.andThen(idle ? detach(attachment!) : Effect.void, Queue.shutdown(consumer))
    })

  return Listener.of({
    listen: (channel) =>
      Effect.gen(function* () {
        const consumer = yield* Queue.sliding<Notification, SqlError>(QUEUE_CAPACITY)
        const queues = consumers.get(channel) ?? new Set()
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            consumers.set(channel, queues.add(consumer))
          }),
          () => removeConsumer(channel, consumer)
        )
        yield* attachLock.withPermit(
          Effect.suspend(() => (attachment === undefined ? Effect.asVoid(attach()) : listenOn(attachment, channel)))
        )
        return consumer
      })
  })
})
