/** One line per turn of the health, and none while it stays as it is. */
import * as Effect from "effect/Effect"
import { wordMillis } from "../errors/catalogue/Wording.ts"
import { causeWords, type Health, type HealthState } from "./health/Health.ts"

/** What makes a new line: the state and what limits it. A reason that varies while the pool is down is the pool's news. */
const turn = (state: HealthState): string => (state._tag === "Degraded" ? state.causes.join("/") : state._tag)

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

const lineOf = ({ latencyMillis, state }: Health): Effect.Effect<void> => {
  switch (state._tag) {
    case "Starting":
      return Effect.logInfo("Health: starting.")
    case "Up":
      return Effect.logInfo(
        latencyMillis === undefined ? "Health: up." : `Health: up, last answer in ${wordMillis(latencyMillis)}.`
      )
    case "Degraded":
      return Effect.logWarning(`Health: degraded: ${state.causes.map((cause) => causeWords[cause]).join("; ")}.`)
    case "Down":
      return Effect.annotateLogs(
        Effect.logWarning(`Health: down: ${sentence(state.reason.message)} ${sentence(state.reason.remedy)}`),
        { code: state.reason.code }
      )
    case "Draining":
      return Effect.logInfo("Health: draining.")
  }
}

/** Says what the health has turned to, if it has turned. */
export const announce = (before: Health, after: Health): Effect.Effect<void> =>
  turn(before.state) === turn(after.state) ? Effect.void : lineOf(after)
