/** Checks whether the server answers, on an idle session or by the traffic on sessions in use. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { wordMillis } from "../../errors/Wording.ts"
import type { SessionLease } from "../../pool/SessionLease.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { SessionPool } from "../../pool/SessionPool.ts"
import type { CheckOutcome } from "./HealthEvidence.ts"
import { unanswered } from "./Health.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"

/** How long the server may take to answer, in milliseconds; the same as for the probe before a lease. */
const PROBE_BOUND_MILLIS = 2000

/** Milliseconds since the server last sent data on any session; infinity without sessions. */
const silentMillisOf = (sessions: ReadonlyArray<SessionEntry>): number =>
  sessions.reduce(
    (least, { silentMillis, state }) => (state === "closing" ? least : Math.min(least, silentMillis)),
    Number.POSITIVE_INFINITY
  )

const receivedWithin = (sessions: ReadonlyArray<SessionEntry>, withinMillis: number): boolean =>
  silentMillisOf(sessions) < withinMillis

/** Answered when data came since the last check; unanswered when statements wait longer than a probe may take. */
export const outcomeOfTraffic = (sessions: ReadonlyArray<SessionEntry>, sinceMillis: number): CheckOutcome => {
  if (receivedWithin(sessions, sinceMillis)) return { _tag: "Answered", latencyMillis: undefined }
  const silent = silentMillisOf(sessions)
  const waits = sessions.some(({ runningMillis }) => (runningMillis ?? 0) > PROBE_BOUND_MILLIS)
  return waits && silent > PROBE_BOUND_MILLIS
    ? {
        _tag: "Unanswered",
        error: unanswered(`Statements wait and the server has sent nothing on any session for ${wordMillis(silent)}`)
      }
    : { _tag: "Skipped" }
}

type Pool = SessionPool["Service"]

/** Milliseconds of a round trip; undefined without an answer: the session is killed, since its driver would wait. */
const roundTrip = (pool: Pool, now: () => number, lease: SessionLease): Effect.Effect<number | undefined> =>
  Effect.suspend(() => {
    const { session } = lease
    if (session === undefined) return Effect.succeed(undefined)
    const began = now()
    const end = Effect.sync(() =>
      session.kill(
        SessionError.statementTimeout({
          host: pool.endpoint.host,
          port: pool.endpoint.port,
          elapsedMillis: now() - began,
          limitMillis: PROBE_BOUND_MILLIS
        })
      )
    )
    const overdue = Effect.as(Effect.andThen(Effect.sleep(PROBE_BOUND_MILLIS), end), false)
    return Effect.raceFirst(session.probe, overdue).pipe(
      Effect.tap((answered) => (answered ? Effect.void : end)),
      Effect.map((answered) => (answered ? now() - began : undefined))
    )
  })

/**
 * One check, which takes little more than four seconds at most.
 *
 * It uses an idle session and never queues; without one, the traffic of the last `sinceMillis` decides. When one session
 * does not answer, a second one is probed, because a single session may be broken.
 */
export const checkOnce = (pool: Pool, now: () => number, sinceMillis: number): Effect.Effect<CheckOutcome> =>
  Effect.gen(function* () {
    const probe = pool.tryUse((lease) => roundTrip(pool, now, lease))
    const began = now()
    const first = yield* probe
    if (Option.isNone(first)) return outcomeOfTraffic(yield* pool.sessions, sinceMillis)
    if (first.value !== undefined) return { _tag: "Answered", latencyMillis: first.value }
    const second = yield* probe
    const latencyMillis = Option.getOrUndefined(second)
    // A probe is better evidence than traffic, which may be the pooler's heartbeat.
    const answered = Option.isSome(second)
      ? latencyMillis !== undefined
      : receivedWithin(yield* pool.sessions, now() - began)
    // The other sessions may be broken too; they are validated before a query uses them.
    yield* pool.validateAll
    return answered
      ? { _tag: "Answered", latencyMillis }
      : { _tag: "Unanswered", error: unanswered(`The server did not answer within ${wordMillis(PROBE_BOUND_MILLIS)}`) }
  })
