/** The checks without network access: the settings and the address. */
import * as Effect from "effect/Effect"
import { advise } from "./Actions.ts"
import { describe } from "../../config/ConnectionString.ts"
import type { SessionError, SettingProblem } from "../../errors/SessionError.ts"
import { formatDuration } from "../../config/settings/Durations.ts"
import { hidden } from "../../config/settings/Problem.ts"
import type { CheckFunction, RawResult } from "./DoctorContext.ts"
import { sentence } from "../../errors/Wording.ts"

/** The effective settings and their warnings. */
export const checkConfig: CheckFunction = Effect.fnUntraced(function* (context, emit) {
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

/** Notes on a connection string that are warnings: something was dropped or is probably wrong. */
const WARNING_NOTES: ReadonlySet<string> = new Set([
  "dropped-options",
  "lost-reference",
  "likely-transaction-port",
  "unusual-project-ref"
])

/** The address, as the connection string describes it. */
export const checkEndpoint: CheckFunction = Effect.fnUntraced(function* ({ connection, hostAndPort }, emit) {
  yield* emit({ target: hostAndPort, status: "pass", details: describe(connection).replace(/^\S+ /, "") })
  for (const { code, message, remedy } of connection.notes) {
    const isWarning = WARNING_NOTES.has(code)
    yield* emit({
      target: hostAndPort,
      status: isWarning ? "warn" : "info",
      details: sentence(message),
      action: isWarning ? advise(sentence(remedy)) : undefined
    })
  }
})

/** The start of every problem of a connection string (config/settings/Target.ts). */
const UNUSABLE = /^must be a usable connection string: /

const describeProblem = ({ expected, received }: SettingProblem): string => {
  if (received === undefined) return `missing: ${expected}`
  if (received === hidden) return expected.replace(UNUSABLE, "")
  return `${received}: ${expected.startsWith("must ") ? expected : `expected ${expected}`}`
}

const problemResult = (problem: SettingProblem): RawResult => ({
  target: problem.name,
  status: "fail",
  details: sentence(describeProblem(problem)),
  action: advise(
    sentence(problem.remedy ?? (problem.example === undefined ? "Correct it" : `Looks like ${problem.example}`))
  )
})

/** The results of invalid settings. */
export const invalidSettings = (error: SessionError): ReadonlyArray<RawResult> =>
  error.reason._tag === "ConfigurationInvalid"
    ? error.reason.problems.map(problemResult)
    : [{ target: "settings", status: "fail", details: sentence(error.message), action: advise(sentence(error.remedy)) }]
