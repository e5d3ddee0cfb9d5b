/** Logs the pool's events, errors with their remedy, and the pool's numbers when they change. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { counted, sentence, wordMillis } from "../errors/Wording.ts"
import type { PoolEvent } from "../pool/Events.ts"
import { formatSnapshot, type PoolSnapshot } from "../pool/core/Snapshot.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import { logRoutine } from "./RoutineLog.ts"
import { shortStatement } from "../stats/StatementText.ts"

/** At most one line of the pool's numbers in this time, in milliseconds. */
const STATE_INTERVAL_MILLIS = 10_000

/** Failed dials of one class are logged once in this time, in milliseconds. */
const REPEAT_MILLIS = 30_000

const errorText = (error: SessionError): string => `${sentence(error.message)} ${sentence(error.remedy)}`

const running = (statement: string | undefined): string => {
  const text = shortStatement(statement ?? "")
  return text === "" ? "" : `, running: ${text}`
}

/** When a class of failed dials was last logged, and how many were suppressed since. */
type DialLog = Map<string, { readonly at: number; readonly suppressed: number }>

/** The number of suppressed failures before one that is to be logged; undefined when it is suppressed too. */
const suppressedBefore = (log: DialLog, kind: string, at: number): number | undefined => {
  const last = log.get(kind)
  if (last !== undefined && at - last.at < REPEAT_MILLIS) {
    log.set(kind, { at: last.at, suppressed: last.suppressed + 1 })
    return undefined
  }
  log.set(kind, { at, suppressed: 0 })
  return last?.suppressed ?? 0
}

const logDialFailed = (log: DialLog, event: PoolEvent & { readonly _tag: "DialFailed" }): Effect.Effect<void> => {
  const { error } = event
  const suppressed = suppressedBefore(log, error.class, event.at)
  if (suppressed === undefined) return Effect.void
  const before = suppressed === 0 ? "" : ` ${suppressed} more of this kind since the last line.`
  return Effect.logWarning(`${errorText(error)} Trying again in ${wordMillis(event.retryInMillis)}.${before}`).pipe(
    Effect.annotateLogs({ code: error.code, class: error.class, open: event.open })
  )
}

const logEvent = (log: DialLog, event: PoolEvent): Effect.Effect<void> => {
  switch (event._tag) {
    case "SessionOpened": {
      const { address, backendPid, encrypted, id } = event.info
      return Effect.annotateLogs(Effect.logDebug("session opened"), { session: id, backendPid, address, encrypted })
    }
    case "SessionClosed":
      return Effect.annotateLogs(Effect.logDebug("session closed"), {
        session: event.id,
        backendPid: event.backendPid,
        reason: event.reason
      })
    case "SessionsLost":
      return Effect.annotateLogs(
        Effect.logWarning(`${counted(event.count, "session")} lost. ${errorText(event.first)}`),
        {
          code: event.first.code,
          class: event.first.class
        }
      )
    case "DialFailed":
      return logDialFailed(log, event)
    case "CeilingLearned": {
      const size = event.poolerSize === undefined ? "" : `, whose pool has ${event.poolerSize} for all clients`
      return Effect.logWarning(
        `The pooler refused one more session: the pool uses at most ${event.held} from now on${size}. ` +
          "Lower DB_POOL_MAX, close other clients, or raise the pool size of the pooler."
      )
    }
    case "CeilingLifted":
      return Effect.logInfo("The pooler grants as many sessions as DB_POOL_MAX again.")
    case "LeakSuspected":
      return Effect.annotateLogs(
        Effect.logWarning(
          `${event.holder} has held a session for ${wordMillis(event.heldMillis)}${running(event.statement)}. ` +
            "Release it sooner, or raise DB_LEAK_THRESHOLD."
        ),
        { session: event.sessionId }
      )
    case "LeakReturned":
      return Effect.annotateLogs(
        Effect.logInfo(`${event.holder} released its session after ${wordMillis(event.heldMillis)}.`),
        { session: event.sessionId }
      )
    case "StatementOverdue":
      return Effect.annotateLogs(Effect.logWarning(`${event.holder}: ${errorText(event.error)}`), {
        session: event.sessionId,
        code: event.error.code
      })
    case "Draining":
      return logRoutine(`Draining: ${counted(event.used, "session")} in use, ${event.waiting} waiting.`)
    case "Drained":
      return logRoutine(
        `Drained in ${wordMillis(event.elapsedMillis)}, ${counted(event.cancelled, "session")} cancelled.`
      )
  }
}

/** The numbers whose change is logged; idle and used sessions change all the time. */
const loggedNumbers = (snapshot: PoolSnapshot): string =>
  [snapshot.open, snapshot.connecting, snapshot.waiting > 0, snapshot.ceiling, snapshot.max].join("/")

const followEvents = Effect.gen(function* () {
  const pool = yield* SessionPool
  const log: DialLog = new Map()
  yield* Stream.runForEach(pool.events, (event) => logEvent(log, event))
})

const followState = Effect.gen(function* () {
  const pool = yield* SessionPool
  let last = ""
  const logChange = Effect.gen(function* () {
    const snapshot = yield* pool.snapshot
    const now = loggedNumbers(snapshot)
    if (now === last) return
    last = now
    yield* logRoutine(`pool (${formatSnapshot(snapshot)})`)
  })
  return yield* Effect.forever(Effect.andThen(logChange, Effect.sleep(STATE_INTERVAL_MILLIS)))
})

/**
 * Logs the pool's events with the current logger, and its numbers when they change, at most once in ten seconds.
 *
 * Opened and closed sessions have level debug; the numbers and the drain too, but info in the program; errors have level
 * warning, with a remedy. Failed dials of one class are logged once in 30 seconds, with their number.
 */
export const layer: Layer.Layer<never, never, SessionPool> = Layer.effectDiscard(
  Effect.gen(function* () {
    const pool = yield* SessionPool
    const annotated = Effect.annotateLogs({ pool: pool.name })
    yield* Effect.forkScoped(annotated(followState))
    // Detached, because the events of the drain come after this layer's scope has closed.
    yield* Effect.forkDetach(annotated(followEvents))
  })
)
