/** Asks the server whether it is there, on a session that nobody wants at that moment. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { wordMillis } from "../../errors/Wording.ts"
import type { LeasedSession } from "../../pool/LeasedSession.ts"
import { SessionError } from "../../errors/SessionError.ts"
import type { SessionPool } from "../../pool/SessionPool.ts"
import type { CheckOutcome } from "./HealthEvidence.ts"
import { unanswered } from "./Health.ts"
import type { SessionEntry } from "../../pool/SessionList.ts"

/** How long the server may take to answer, in milliseconds: as long as before a session is lent. */
export const PROBE_BOUND_MILLIS = 2000

/** Milliseconds since the server was last heard of on any session; infinity without any. */
const silentMillisOf = (ledger: ReadonlyArray<SessionEntry>): number =>
  ledger.reduce(
    (least, { silentMillis, state }) => (state === "closing" ? least : Math.min(least, silentMillis)),
    Number.POSITIVE_INFINITY
  )

/** Whether the server was heard of less than so many milliseconds ago. */
export const wasHeardWithin = (ledger: ReadonlyArray<SessionEntry>, withinMillis: number): boolean =>
  silentMillisOf(ledger) < withinMillis

/**
 * The outcome of listening: answered when the server was heard of since the last check, unanswered when statements wait
 * and it has said nothing on any session for longer than a probe may take.
 */
export const outcomeOfTraffic = (ledger: ReadonlyArray<SessionEntry>, sinceMillis: number): CheckOutcome => {
  if (wasHeardWithin(ledger, sinceMillis)) return { _tag: "Answered", latencyMillis: undefined }
  const silent = silentMillisOf(ledger)
  const waits = ledger.some(({ runningMillis }) => (runningMillis ?? 0) > PROBE_BOUND_MILLIS)
  return waits && silent > PROBE_BOUND_MILLIS
    ? {
        _tag: "Unanswered",
        error: unanswered(`Statements wait and the server has said nothing on any session for ${wordMillis(silent)}`)
      }
    : { _tag: "Unasked" }
}

type Pool = SessionPool["Service"]

/**
 * One bounded round trip: the milliseconds it took, or undefined without an answer, and then the session is ended.
 *
 * A driver that is interrupted waits for its peer. Ending the session first makes the bound hold on a silent one, too.
 */
const roundTrip = (pool: Pool, now: () => number, lease: LeasedSession): Effect.Effect<number | undefined> =>
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
 * One check, over in little more than four seconds.
 *
 * It takes an idle session or none, and never queues; without one, what was heard on the sessions in use since
 * `sinceMillis` ago is the answer. One session that is silent proves little: another one is asked before it counts.
 */
export const checkOnce = (pool: Pool, now: () => number, sinceMillis: number): Effect.Effect<CheckOutcome> =>
  Effect.gen(function* () {
    const ask = pool.tryUse((lease) => roundTrip(pool, now, lease))
    const began = now()
    const first = yield* ask
    if (Option.isNone(first)) return outcomeOfTraffic(yield* pool.sessions, sinceMillis)
    if (first.value !== undefined) return { _tag: "Answered", latencyMillis: first.value }
    const second = yield* ask
    const latencyMillis = Option.getOrUndefined(second)
    // An answer that was asked for says more than a word in passing, which may be the pooler's heartbeat.
    const answered = Option.isSome(second)
      ? latencyMillis !== undefined
      : wasHeardWithin(yield* pool.sessions, now() - began)
    // Whatever is the matter with one session may be with all of them, and nobody should find out by a query.
    yield* pool.validateAll
    return answered
      ? { _tag: "Answered", latencyMillis }
      : { _tag: "Unanswered", error: unanswered(`The server did not answer within ${wordMillis(PROBE_BOUND_MILLIS)}`) }
  })
