/** What has happened, in one line each, for a person who watches: pure. */
import type { Finding, Severity } from "../advice/Finding.ts"
import { counted, sentence, wordMillis } from "../../errors/Wording.ts"
import { causeTexts, type Health } from "../health/Health.ts"
import type { PoolEvent } from "../../pool/Events.ts"
import type { CloseReason } from "../../pool/core/Snapshot.ts"

/** Events kept: what a person reads of a list. */
export const EVENTS_KEPT = 50

export type EventLevel = "info" | "warn" | "error"

/** One event. `at` is wall-clock milliseconds; `text` is one line without secrets. */
export interface HistoryEvent {
  readonly at: number
  readonly tag: PoolEvent["_tag"] | "Health" | "Finding"
  readonly level: EventLevel
  readonly text: string
}

type Said = readonly [level: EventLevel, text: string]

const closeWords: { readonly [Reason in CloseReason]: string } = {
  lost: "it was lost",
  idle: "nobody needed it for the idle timeout",
  lifetime: "it had reached its lifetime",
  "probe-failed": "it did not answer",
  "not-recovered": "it could not be made clean",
  evicted: "it was replaced on request",
  drain: "the pool ends"
}

const sumOf = (parts: object): number => Object.values(parts).reduce((sum: number, part: number) => sum + part, 0)

const saidOf = (event: PoolEvent): Said => {
  switch (event._tag) {
    case "SessionOpened": {
      const { backendPid, id, timings } = event.info
      return ["info", `Session ${id} opened in ${wordMillis(sumOf(timings))}, backend ${backendPid}.`]
    }
    case "SessionClosed":
      return ["info", `Session ${event.id} closed, backend ${event.backendPid}: ${closeWords[event.reason]}.`]
    case "SessionsLost":
      return ["warn", `${counted(event.count, "session")} lost. ${sentence(event.first.message)} ${event.first.remedy}`]
    case "DialFailed":
      return ["warn", `${sentence(event.error.message)} Next dial in ${wordMillis(event.retryInMillis)}.`]
    case "CeilingLearned":
      return ["warn", `The pooler refused one more session: the ceiling is ${event.held} for now.`]
    case "CeilingLifted":
      return ["info", "The pooler grants as many sessions as wanted again."]
    case "LeakSuspected":
      return ["warn", `${event.holder} has held session ${event.sessionId} for ${wordMillis(event.heldMillis)}.`]
    case "LeakReturned":
      return ["info", `${event.holder} returned session ${event.sessionId} after ${wordMillis(event.heldMillis)}.`]
    case "StatementOverdue":
      return ["error", `${event.holder}, session ${event.sessionId}: ${event.error.message}`]
    case "Draining":
      return ["info", `The pool drains: ${counted(event.used, "session")} in use, ${event.waiting} waiting.`]
    case "Drained":
      return [
        "info",
        `The pool has drained in ${wordMillis(event.elapsedMillis)}, ${counted(event.cancelled, "session")} cancelled.`
      ]
  }
}

/** Takes secrets out of a text. */
export type Redact = (text: string) => string

const shown = (at: number, tag: HistoryEvent["tag"], [level, text]: Said, redact: Redact): HistoryEvent => ({
  at,
  tag,
  level,
  text: redact(text.replaceAll(/\s+/g, " ").trim())
})

export const poolEvent = (event: PoolEvent, redact: Redact): HistoryEvent =>
  shown(event.at, event._tag, saidOf(event), redact)

const healthSaid = ({ state }: Health): Said => {
  switch (state._tag) {
    case "Starting":
      return ["info", "Health: starting."]
    case "Up":
      return ["info", "Health: up."]
    case "Degraded":
      return ["warn", `Health: degraded: ${state.causes.map((cause) => causeTexts[cause]).join("; ")}.`]
    case "Down":
      return ["error", `Health: down: ${sentence(state.reason.message)} ${state.reason.remedy}`]
    case "Draining":
      return ["info", "Health: draining."]
  }
}

/** What of the health is an event when it differs: the state and what limits it, not its numbers. */
const turnOf = ({ state }: Health): string =>
  state._tag === "Degraded" ? `Degraded ${state.causes.join(" ")}` : state._tag

/** The event that a health is after another one; undefined while it stays as it is. */
export const healthEvent = (
  before: Health | undefined,
  after: Health,
  at: number,
  redact: Redact
): HistoryEvent | undefined =>
  before !== undefined && turnOf(before) === turnOf(after) ? undefined : shown(at, "Health", healthSaid(after), redact)

const severityLevels: { readonly [S in Severity]: EventLevel } = { info: "info", warning: "warn", critical: "error" }

/** A finding that begins or has become more or less severe. */
export const findingBegun = (finding: Finding, at: number, redact: Redact): HistoryEvent =>
  shown(at, "Finding", [severityLevels[finding.severity], `${finding.title}. ${sentence(finding.detail)}`], redact)

export const findingOver = (finding: Finding, at: number, redact: Redact): HistoryEvent =>
  shown(at, "Finding", ["info", `Resolved after ${wordMillis(at - finding.since)}: ${finding.title}.`], redact)
