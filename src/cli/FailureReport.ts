/** What a person reads when the program fails, and the exit code that goes with it. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import { redact } from "../services/ConnectionString.ts"
import { isSessionError } from "../services/SessionError.ts"

/** How a failed program ends. `text` is undefined when the failure was shown already. */
export interface FailureReport {
  readonly text: string | undefined
  readonly exitCode: number
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

const wordsOf = (error: unknown): string | undefined => {
  // the command line shows its own mistakes together with the help
  if (CliError.isCliError(error)) return error._tag === "ShowHelp" ? undefined : error.message
  if (isSessionError(error)) {
    return error.reason._tag === "ConfigurationInvalid"
      ? error.message
      : `${sentence(error.message)}\n${sentence(error.remedy)}`
  }
  return Predicate.isError(error) && error.message !== "" ? error.message : String(error)
}

/**
 * Puts the cause of a failure into words: an expected failure without a stack, with what to do; a defect as it is.
 *
 * Exit codes: 2 for settings that cannot be used, else 1. Passwords in URLs and pairs are taken out of every text.
 */
export const reportOf = (cause: Cause.Cause<unknown>): FailureReport => {
  const failure = cause.reasons.find(Cause.isFailReason)
  const text = failure === undefined ? `This is a bug: ${Cause.pretty(cause)}` : wordsOf(failure.error)
  return {
    text: text === undefined ? undefined : redact(text, []),
    exitCode: failure === undefined ? 1 : Runtime.getErrorExitCode(failure.error)
  }
}
