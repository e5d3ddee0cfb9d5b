/** What can be said before anything is sent: the settings, and the place they name. */
import * as Effect from "effect/Effect"
import { describe } from "../../config/ConnectionString.ts"
import type { SessionError, SettingProblem } from "../../errors/SessionError.ts"
import { formatDuration } from "../../config/settings/Durations.ts"
import { hidden } from "../../config/settings/Problem.ts"
import type { CheckFunction, RawResult } from "./DoctorContext.ts"
import { sentence } from "../../errors/Wording.ts"

/** The settings: what they come to, and every warning and note about them. */
export const checkConfig: CheckFunction = (context, emit) =>
  Effect.gen(function* () {
    const { settings } = context
    const { connectTimeout, connectionType, pool, source, statementTimeout } = settings
    yield* emit({
      target: source,
      status: "pass",
      details:
        `${connectionType}, min ${pool.min}, max ${pool.max}, connect ${formatDuration(connectTimeout)}, ` +
        `statement ${formatDuration(statementTimeout)}, sslmode ${settings.ssl.mode}`
    })
    for (const warning of settings.warnings) yield* emit({ target: source, status: "warn", details: sentence(warning) })
  })

/** Notes of a connection string that tell of something lost, not only of something assumed. */
const WARNING_NOTES: ReadonlySet<string> = new Set([
  "dropped-options",
  "lost-reference",
  "likely-transaction-port",
  "unusual-project-ref"
])

/** The place: what is addressed, by its own words. */
export const checkEndpoint: CheckFunction = ({ connection, hostAndPort: place }, emit) =>
  Effect.gen(function* () {
    yield* emit({ target: place, status: "pass", details: describe(connection).replace(/^\S+ /, "") })
    for (const { code, message, remedy } of connection.notes) {
      const isWarning = WARNING_NOTES.has(code)
      yield* emit({
        target: place,
        status: isWarning ? "warn" : "info",
        details: sentence(message),
        ...(isWarning ? { action: { text: sentence(remedy), commands: [] } } : {})
      })
    }
  })

/** The words with which every problem of a connection string begins (session-config/Target.ts). */
const UNUSABLE = /^must be a usable connection string: /

/** A value that is not shown says nothing as a word of a sentence either. */
const wordProblem = ({ expected, received }: SettingProblem): string => {
  if (received === undefined) return `missing: ${expected}`
  if (received === hidden) return expected.replace(UNUSABLE, "")
  return `${received}: ${expected.startsWith("must ") ? expected : `expected ${expected}`}`
}

const findingOf = (problem: SettingProblem): RawResult => ({
  target: problem.name,
  status: "fail",
  details: sentence(wordProblem(problem)),
  action: {
    text: sentence(problem.remedy ?? (problem.example === undefined ? "Correct it" : `Looks like ${problem.example}`)),
    commands: []
  }
})

/** The findings about settings that cannot be used. */
export const invalidFindings = (error: SessionError): ReadonlyArray<RawResult> =>
  error.reason._tag === "ConfigurationInvalid"
    ? error.reason.problems.map(findingOf)
    : [
        {
          target: "settings",
          status: "fail",
          details: sentence(error.message),
          action: { text: sentence(error.remedy), commands: [] }
        }
      ]
