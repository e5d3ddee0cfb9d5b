/**
 * LISTEN for a whole application on one session, across losses.
 *
 * Sessions are scarce behind a session pooler, so all channels share one, acquired for the first listener and released
 * after the last. When it is lost, LISTEN is repeated on another one. PostgreSQL keeps no notification for a session
 * that is gone, so this is reported as a gap, as is what a slow consumer's queue drops.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as MutableList from "effect/MutableList"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { SqlError } from "effect/sql/SqlError"
import type { Notification } from "@effect/sql-pg/PgConnection"
import { SessionConfig } from "../config/SessionConfig.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import type { SessionLease } from "../pool/SessionLease.ts"
import { SessionError } from "../errors/SessionError.ts"
import { toSqlError } from "../errors/SqlErrors.ts"
import { counted, sentence } from "../errors/Wording.ts"

/**
 * Notifications of a channel that a consumer did not receive: the session was lost, or the consumer is too slow. It
 * should read its data again; LISTEN is active when the gap is reported, so later changes are notified.
 */
export interface NotificationGap {
  readonly channel: string
  readonly gap: {
    /** When the session was lost, or when the first of them was dropped. */
    readonly since: Date
    /** When LISTEN was active again, or when the last of them was dropped. */
    readonly until: Date
    /** How many the queue dropped; 0 after a lost session, where the number is not known. */
    readonly dropped: number
    /** `SessionLost`, or the code `NOTIFICATIONS_DROPPED`. */
    readonly reason: SessionError
  }
}

/** What a listener receives. */
export type ChannelEvent = Notification | NotificationGap

/** Whether an event is a gap. */
export const isGap = (event: ChannelEvent): event is NotificationGap => "gap" in event

/**
 * Events that a slow consumer may leave unread; beyond it the oldest are dropped. The session serves other consumers
 * too, and a queue without a bound is a leak.
 */
const QUEUE_CAPACITY = 16_384

/** Gaps that a subscriber of `gaps` may leave unread; beyond it the oldest are dropped. */
const GAPS_CAPACITY = 16_384

/** Pause between two attempts to listen again, in milliseconds; the pool limits its dials itself. */
const RETRY_MILLIS = 250

/** What a consumer drops in this time is one gap in `gaps`, in milliseconds. */
const DROPS_MILLIS = 500

/** At most one warning about gaps in this time, in milliseconds. */
const WARNING_MILLIS = 10_000

interface Consumer {
  readonly queue: Queue.Queue<ChannelEvent, SqlError>
  /** Whether its queue contains gaps. */
  readonly takesGaps: boolean
  /** Since when it has dropped notifications that are not in `gaps` yet, and how many. */
  drops: { readonly since: Date; count: number } | undefined
}

/** Listens to channels. */
export class Listener extends Context.Service<
  Listener,
  {
    /**
     * Registers a listener; the queue ends with the scope. Fails when LISTEN fails. After a lost session the queue
     * continues with a `NotificationGap`; when 16 384 events are unread, one replaces the oldest and counts them.
     */
    readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<ChannelEvent, SqlError>, SqlError, Scope.Scope>
    /** The same without the gaps, as `PgClient.listen`. */
    readonly notifications: (
      channel: string
    ) => Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope>
    /** The gaps of all listeners: after a loss one for each channel, of a slow consumer two in a second at most. */
    readonly gaps: Stream.Stream<NotificationGap>
  }
>()("effect-supavisor/Listener") {
  static readonly layer: Layer.Layer<Listener, never, SessionPool | SessionConfig> = Layer.effect(
    Listener,
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const config = yield* SessionConfig
      if (config.connectionType === "supavisor_transaction") {
        const refuse = () => Effect.fail(noSession())
        return { listen: refuse, notifications: refuse, gaps: Stream.never }
      }
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

const notificationsDropped = () => SessionError.statementFailed({ errno: "NOTIFICATIONS_DROPPED" })

/** Drops the oldest events of a full queue; where the consumer takes gaps, one gap replaces them and counts them. */
const makeRoom = ({ queue, takesGaps }: Consumer, channel: string, until: Date): number => {
  const { messages } = queue
  let [since, reason, dropped, before] = [until, undefined as SessionError | undefined, 0, 0]
  while (messages.length > QUEUE_CAPACITY - (takesGaps ? 2 : 1)) {
    const event: ChannelEvent = MutableList.take(messages)
    if (isGap(event)) {
      if (event.gap.since < since) since = event.gap.since
      reason ??= event.gap.reason
      before += event.gap.dropped
    } else dropped++
  }
  if (takesGaps) {
    const gap = { since, until, dropped: before + dropped, reason: reason ?? notificationsDropped() }
    MutableList.prepend(messages, { channel, gap } satisfies NotificationGap)
  }
  return dropped
}

/** The current session, and the channels listened to on it. */
interface Attachment {
  readonly lease: SessionLease
  readonly scope: Scope.Closeable
  readonly channels: Set<string>
  readonly ended: Deferred.Deferred<void>
  /** Why no more notifications arrive on it. */
  failure: unknown
}

const makeListener = Effect.fnUntraced(function* (pool: SessionPool["Service"], probeMillis: number) {
  const context = yield* Effect.context<Scope.Scope>()
  const layerScope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const onClock = Effect.provideService(Clock.Clock, clock)
  const consumers = new Map<string, Set<Consumer>>()
  const gaps = yield* PubSub.sliding<NotificationGap>(GAPS_CAPACITY)
  const currentDate = () => new Date(clock.currentTimeMillisUnsafe())
  /** Channels of a lost session that are not listened to again yet. */
  const missed = new Map<string, { readonly since: Date; readonly reason: SessionError }>()
  const warnings = { at: -Infinity, suppressed: 0 }
  // Two first listeners must not acquire two sessions.
  const attachLock = yield* Semaphore.make(1)
  let attachment: Attachment | undefined

  /** Logs by the layer's logger: the fiber may be that of a caller. */
  const warn = (reported: ReadonlyArray<NotificationGap>): Effect.Effect<void> => {
    const [first] = reported
    if (first === undefined) return Effect.void
    const now = clock.currentTimeMillisUnsafe()
    if (now - warnings.at < WARNING_MILLIS) {
      warnings.suppressed += reported.length
      return Effect.void
    }
    const others = reported.length - 1 + warnings.suppressed
    Object.assign(warnings, { at: now, suppressed: 0 })
    const { dropped, reason } = first.gap
    const what = dropped === 0 ? "Notifications may be missing" : `${counted(dropped, "notification")} dropped`
    const more = others === 0 ? "" : ` (and ${counted(others, "more gap")})`
    return Effect.annotateLogs(
      Effect.logWarning(`${what} on channel ${JSON.stringify(first.channel)}${more}. ${sentence(reason.message)}`),
      { code: reason.code, class: reason.class }
    ).pipe(Effect.provideContext(context))
  }

  /** Reports what a consumer has dropped, as one gap for all drops within DROPS_MILLIS. */
  const reportDrops = (channel: string, consumer: Consumer) =>
    Effect.suspend(() => {
      const { count: dropped, since } = consumer.drops!
      consumer.drops = undefined
      const gap = { channel, gap: { since, until: currentDate(), dropped, reason: notificationsDropped() } }
      PubSub.publishUnsafe(gaps, gap)
      return warn([gap])
    }).pipe(Effect.delay(DROPS_MILLIS), onClock, Effect.forkIn(layerScope))

  /** Offers an event at once; the effect reports what was dropped for it, and is `void` for nothing new. */
  const offer = (channel: string, consumer: Consumer, event: ChannelEvent): Effect.Effect<unknown> => {
    const isFull = Queue.sizeUnsafe(consumer.queue) >= QUEUE_CAPACITY
    const dropped = isFull ? makeRoom(consumer, channel, currentDate()) : 0
    Queue.offerUnsafe(consumer.queue, event)
    if (dropped === 0) return Effect.void
    if (consumer.drops !== undefined) {
      consumer.drops.count += dropped
      return Effect.void
    }
    consumer.drops = { since: currentDate(), count: dropped }
    return reportDrops(channel, consumer)
  }

  /** Offers an event at once to all listeners of a channel. */
  const offerAll = (channel: string, event: ChannelEvent): Effect.Effect<unknown> => {
    let reports: Effect.Effect<unknown> = Effect.void
    for (const consumer of consumers.get(channel) ?? []) {
      if (!consumer.takesGaps && isGap(event)) continue
      const report = offer(channel, consumer, event)
      if (report !== Effect.void) reports = Effect.andThen(reports, report)
    }
    return reports
  }

  const dispatch = (channel: string, queue: Queue.Dequeue<Notification, SqlError>, current: Attachment) =>
    Queue.take(queue).pipe(
      Effect.flatMap((notification) => offerAll(channel, notification)),
      Effect.forever,
      Effect.catchCause((cause) => {
        current.failure ??= Cause.squash(cause)
        return Effect.asVoid(Deferred.succeed(current.ended, undefined))
      })
    )

  /** Reports the gap of a channel that is listened to again, ahead of its first notification. */
  const reportMissed = (channel: string): Effect.Effect<NotificationGap | undefined> => {
    const loss = missed.get(channel)
    if (loss === undefined) return Effect.undefined
    missed.delete(channel)
    const gap = { channel, gap: { ...loss, until: currentDate(), dropped: 0 } }
    PubSub.publishUnsafe(gaps, gap)
    return Effect.as(offerAll(channel, gap), gap)
  }

  const markMissed = ({ channels, failure, lease }: Attachment): void => {
    const reason =
      lease.session?.lost ??
      SessionError.sessionLost({
        ...pool.endpoint,
        phase: "listen",
        failure,
        elapsedMillis: 0,
        statementInFlight: false
      })
    for (const channel of channels)
      if (consumers.has(channel) && !missed.has(channel)) missed.set(channel, { since: currentDate(), reason })
  }

  const listenOn = Effect.fnUntraced(function* (current: Attachment, channel: string) {
    if (current.channels.has(channel)) return undefined
    const queue = yield* Scope.provide(current.lease.listen(channel), current.scope)
    current.channels.add(channel)
    const gap = yield* reportMissed(channel)
    yield* Effect.forkIn(dispatch(channel, queue, current), current.scope)
    return gap
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
      const channels = new Set<string>()
      const current: Attachment = { lease, scope, channels, ended: Deferred.makeUnsafe(), failure: undefined }
      yield* Effect.forEach(consumers.keys(), (channel) => listenOn(current, channel)).pipe(
        Effect.onError((cause) =>
          Effect.sync(() => {
            current.failure = Cause.squash(cause)
            markMissed(current)
          })
        ),
        Effect.flatMap((reported) => warn(reported.filter((gap) => gap !== undefined)))
      )
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
      markMissed(current)
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
    },
    Effect.catchCause((cause) => Effect.logWarning("Listening again failed", Cause.pretty(cause)))
  )

  const removeConsumer = (channel: string, consumer: Consumer) =>
    Effect.suspend(() => {
      const others = consumers.get(channel)
      others?.delete(consumer)
      if (others?.size === 0) {
        consumers.delete(channel)
        missed.delete(channel)
      }
      const idle = consumers.size === 0 && attachment !== undefined
      return Effect.andThen(idle ? detach(attachment!) : Effect.void, Queue.shutdown(consumer.queue))
    })

  const listen = Effect.fnUntraced(function* (channel: string, takesGaps: boolean) {
    const queue = yield* Queue.unbounded<ChannelEvent, SqlError>()
    const consumer: Consumer = { queue, takesGaps, drops: undefined }
    const others = consumers.get(channel) ?? new Set()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        consumers.set(channel, others.add(consumer))
      }),
      () => removeConsumer(channel, consumer)
    )
    yield* attachLock.withPermit(
      Effect.suspend(() =>
        attachment === undefined ? Effect.asVoid(attach()) : Effect.asVoid(listenOn(attachment, channel))
      )
    )
    return queue
  })

  return Listener.of({
    listen: (channel) => listen(channel, true),
    // Its queue gets no gap.
    notifications: (channel) =>
      listen(channel, false) as Effect.Effect<Queue.Dequeue<Notification, SqlError>, SqlError, Scope.Scope>,
    gaps: Stream.fromPubSub(gaps)
  })
})
