/** What happens in the pool as log lines: troubles with their remedy, and a line in HikariCP's manner for changes. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { counted, sentence, wordMillis } from "../errors/Wording.ts"
import type { PoolEvent } from "../pool/Events.ts"
import { formatSnapshot, type PoolSnapshot } from "../pool/core/Snapshot.ts"
import type { SessionError } from "../errors/SessionError.ts"
import { SessionPool } from "../pool/SessionPool.ts"
import { shortStatement } from "../stats/StatementText.ts"

/** At most one line about the pool's numbers in this time, in milliseconds: enough to follow, too little to flood. */
const STATE_INTERVAL_MILLIS = 1000

/** Failed dials of one class are said once in this time, in milliseconds: an outage is one fact, however long. */
const REPEAT_MILLIS = 30_000

const spoken = (error: SessionError): string => `${sentence(error.message)} ${sentence(error.remedy)}`

const running = (statement: string | undefined): string => {
  const text = shortStatement(statement ?? "")
  return text === "" ? "" : `, running: ${text}`
}

/** When a class of failed dials was last said, and how many were not said since. */
type Said = Map<string, { readonly at: number; readonly unsaid: number }>

/** Whether the failure is to be said now; if so, how many of its kind were kept quiet before it. */
const dueAfter = (said: Said, kind: string, at: number): number | undefined => {
  const last = said.get(kind)
  if (last !== undefined && at - last.at < REPEAT_MILLIS) {
    said.set(kind, { at: last.at, unsaid: last.unsaid + 1 })
    return undefined
  }
  said.set(kind, { at, unsaid: 0 })
  return last?.unsaid ?? 0
}

const logDialFailed = (said: Said, event: PoolEvent & { readonly _tag: "DialFailed" }): Effect.Effect<void> => {
  const { error } = event
  const unsaid = dueAfter(said, error.class, event.at)
  if (unsaid === undefined) return Effect.void
  const before = unsaid === 0 ? "" : ` ${unsaid} more of this kind since the last line.`
  return Effect.logWarning(`${spoken(error)} Trying again in ${wordMillis(event.retryInMillis)}.${before}`).pipe(
    Effect.annotateLogs({ code: error.code, class: error.class, open: event.open })
  )
}

const logEvent = (said: Said, event: PoolEvent): Effect.Effect<void> => {
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
      return Effect.annotateLogs(Effect.logWarning(`${counted(event.count, "session")} lost. ${spoken(event.first)}`), {
        code: event.first.code,
        class: event.first.class
      })
    case "DialFailed":
      return logDialFailed(said, event)
    case "CeilingLearned": {
      const size = event.poolerSize === undefined ? "" : `, whose pool has ${event.poolerSize} for all clients`
      return Effect.logWarning(
        `The pooler refused one more session: the pool lives with ${event.held} from now on${size}. ` +
          "Lower DB_POOL_MAX, close other clients, or raise the pool size of the pooler."
      )
    }
    case "CeilingLifted":
      return Effect.logInfo("The pooler grants as many sessions as DB_POOL_MAX again.")
    case "LeakSuspected":
      return Effect.annotateLogs(
        Effect.logWarning(
          `${event.holder} has held a session for ${wordMillis(event.heldMillis)}${running(event.statement)}. ` +
            "Give it back sooner, or raise DB_LEAK_THRESHOLD."
        ),
        { session: event.sessionId }
      )
    case "LeakReturned":
      return Effect.annotateLogs(
        Effect.logInfo(`${event.holder} gave its session back after ${wordMillis(event.heldMillis)}.`),
        { session: event.sessionId }
      )
    case "StatementOverdue":
      return Effect.annotateLogs(Effect.logWarning(`${event.holder}: ${spoken(event.error)}`), {
        session: event.sessionId,
        code: event.error.code
      })
    case "Draining":
      return Effect.logInfo(`Draining: ${counted(event.used, "session")} in use, ${event.waiting} waiting.`)
    case "Drained":
      return Effect.logInfo(
        `Drained in ${wordMillis(event.elapsedMillis)}, ${counted(event.cancelled, "session")} cancelled.`
      )
  }
}

/** What makes a new line worth writing: not who is used and who idle, which changes all the time. */
const notable = (snapshot: PoolSnapshot): string =>
  [snapshot.open, snapshot.connecting, snapshot.waiting > 0, snapshot.ceiling, snapshot.max].join("/")

const followEvents = Effect.gen(function* () {
  const pool = yield* SessionPool
  const said: Said = new Map()
  yield* Stream.runForEach(pool.events, (event) => logEvent(said, event))
})

const followState = Effect.gen(function* () {
  const pool = yield* SessionPool
  let last = ""
  const look = Effect.gen(function* () {
    const snapshot = yield* pool.snapshot
    const now = notable(snapshot)
    if (now === last) return
    last = now
    yield* Effect.logInfo(`pool (${formatSnapshot(snapshot)})`)
  })
  return yield* Effect.forever(Effect.andThen(look, Effect.sleep(STATE_INTERVAL_MILLIS)))
})

/**
 * Logs the pool's events with the current logger, and its numbers when they change, at most once a second.
 *
 * Sessions opened and closed are said at level debug, changes and the drain at info, troubles at warning with what to
 * do about them. Failed dials of one class are repeated every 30 seconds only, with their count.
 */
export const layer: Layer.Layer<never, never, SessionPool> = Layer.effectDiscard(
  Effect.gen(function* () {
    const pool = yield* SessionPool
    const annotated = Effect.annotateLogs({ pool: pool.name })
    yield* Effect.forkScoped(annotated(followState))
    // The events end with the pool, after this layer: what the drain says is still to be heard.
    yield* Effect.forkDetach(annotated(followEvents))
  })
)
