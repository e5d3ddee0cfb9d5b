/** The one sentence about a program: how it is, since when, and why. */
import { causeWords } from "../../services/observability/health/Health.ts"
import { formatMillis } from "../terminal/Quantity.ts"
import type { StatusBody } from "./StatusBody.ts"
import { counted } from "../../services/errors/Wording.ts"

/** `good` and `limited` programs do their work; `bad` ones do not. */
export type Mood = "good" | "limited" | "bad"

export interface Verdict {
  readonly mood: Mood
  /** `Up`, `Degraded`, `Down`, `Starting`, `Draining`. */
  readonly word: string
  readonly forMillis: number
  /** Why it is not simply up, in words; undefined when there is nothing to say. */
  readonly why: string | undefined
  /** What a person does about it. */
  readonly remedy: string | undefined
}

const moods: Readonly<Record<string, Mood>> = { Up: "good", Degraded: "limited" }

const wordsByCause: Readonly<Record<string, string>> = causeWords

const waiting = ({ pool }: StatusBody): ReadonlyArray<string> =>
  pool.waiting === 0
    ? []
    : [
        `${counted(pool.waiting, "caller")} ${pool.waiting === 1 ? "waits" : "wait"}` +
          (typeof pool.oldestWaitMillis === "number" ? ` (oldest ${formatMillis(pool.oldestWaitMillis)})` : "")
      ]

/** Reads the verdict off a status; `now` is wall-clock milliseconds. */
export const verdictOf = (status: StatusBody, now: number): Verdict => {
  const { since, state } = status.health
  const causes = (state.causes ?? []).map((cause) => wordsByCause[cause] ?? cause)
  const why = [...causes, ...(state.reason === undefined ? [] : [state.reason.message]), ...waiting(status)].join("; ")
  return {
    mood: moods[state._tag] ?? "bad",
    word: state._tag,
    forMillis: Math.max(0, now - since),
    why: why === "" ? undefined : why,
    remedy: state.reason?.remedy
  }
}

/** The verdict as `Up for 2 h 13 min` or `Degraded for 12 s: every session that can be had is in use`. */
export const verdictWords = ({ forMillis, why, word }: Verdict): string =>
  `${word} for ${formatMillis(forMillis)}${why === undefined ? "" : `: ${why}`}`
