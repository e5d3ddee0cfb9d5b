/** Events of pool, health and advisor as one line each. Pure. */
import type { Finding, Severity } from "../advice/Finding.ts"
import { counted, sentence, wordMillis } from "../../errors/Wording.ts"
import { type Health, stateKey, stateText } from "../health/Health.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { HistoryEvent } from "./HistorySchema.ts"
import type { CloseReason } from "../../pool/core/Snapshot.ts"

export const EVENTS_KEPT = 50

type EventLevel = "info" | "warn" | "error"

type LevelAndText = readonly [level: EventLevel, text: string]

const closeTexts: { readonly [Reason in CloseReason]: string } = {
  lost: "it was lost",
  idle: "it reached the idle timeout",
  lifetime: "it reached its lifetime",
  "probe-failed": "it did not answer",
  "not-recovered": "it could not be reset",
  evicted: "it was replaced on request",
  drain: "the pool is draining"
}

const sumOf = (parts: object): number => Object.values(parts).reduce((sum: number, part: number) => sum + part, 0)

const poolEventText = (event: PoolEvent): LevelAndText => {
  switch (event._tag) {
    case "SessionOpened": {
      const { backendPid, id, timings } = event.info
      return ["info", `Session ${id} opened in ${wordMillis(sumOf(timings))}, backend ${backendPid}.`]
    }
    case "SessionClosed":
      return ["info", `Session ${event.id} closed, backend ${event.backendPid}: ${closeTexts[event.reason]}.`]
    case "SessionsLost":
      return ["warn", `${counted(event.count, "session")} lost. ${sentence(event.first.message)} ${event.first.remedy}`]
    case "DialFailed":
      return ["warn", `${sentence(event.error.message)} Next dial in ${wordMillis(event.retryInMillis)}.`]
    case "CeilingLearned":
      return ["warn", `The pooler refused one more session: the ceiling is ${event.held} for now.`]
    case "CeilingLifted":
      return ["info", "The pooler grants as many sessions as DB_POOL_MAX again."]
    case "LeakSuspected":
      return ["warn", `${event.holder} has held session ${event.sessionId} for ${wordMillis(event.heldMillis)}.`]
    case "LeakReturned":
      return ["info", `${event.holder} released session ${event.sessionId} after ${wordMillis(event.heldMillis)}.`]
    case "StatementOverdue":
      return ["error", `${event.holder}, session ${event.sessionId}: ${event.error.message}`]
    case "Draining":
      return ["info", `Draining: ${counted(event.used, "session")} in use, ${event.waiting} waiting.`]
    case "Drained":
      return [
        "info",
        `Drained in ${wordMillis(event.elapsedMillis)}, ${counted(event.cancelled, "session")} cancelled.`
      ]
  }
}

/** Removes secrets from a text. */
export type Redact = (text: string) => string

const eventOf = (at: number, tag: HistoryEvent["tag"], [level, text]: LevelAndText, redact: Redact): HistoryEvent => ({
  at,
  tag,
  level,
  text: redact(text.replaceAll(/\s+/g, " ").trim())
})

export const poolEvent = (event: PoolEvent, redact: Redact): HistoryEvent =>
  eventOf(event.at, event._tag, poolEventText(event), redact)

const healthLevels: Readonly<Record<string, EventLevel>> = { Degraded: "warn", Down: "error" }

/** The event of a change of the health; undefined when its key is the same. */
export const healthEvent = (
  before: Health | undefined,
  after: Health,
  at: number,
  redact: Redact
): HistoryEvent | undefined =>
  before !== undefined && stateKey(before) === stateKey(after)
    ? undefined
    : eventOf(at, "Health", [healthLevels[after.state._tag] ?? "info", stateText(after)], redact)

const severityLevels: { readonly [S in Severity]: EventLevel } = { info: "info", warning: "warn", critical: "error" }

/** The event of a new finding, or of one whose severity changed. */
export const findingBegan = (finding: Finding, at: number, redact: Redact): HistoryEvent =>
  eventOf(at, "Finding", [severityLevels[finding.severity], `${finding.title}. ${sentence(finding.detail)}`], redact)

export const findingEnded = (finding: Finding, at: number, redact: Redact): HistoryEvent =>
  eventOf(at, "Finding", ["info", `Resolved after ${wordMillis(at - finding.since)}: ${finding.title}.`], redact)
