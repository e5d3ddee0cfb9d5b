/** What a person reads when the program fails, and the exit code that goes with it. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import { redact } from "../services/config/ConnectionString.ts"
import { isSessionError } from "../services/errors/SessionError.ts"
import { EXIT_FAILURE, EXIT_INVALID } from "./ExitCode.ts"
import { sentence } from "../services/errors/Wording.ts"

/** How a failed program ends. `text` is undefined when the failure was shown already. */
export interface FailureReport {
  readonly text: string | undefined
  readonly exitCode: number
}

const wordsOf = (error: unknown): string | undefined => {
  // a command that has said everything itself, and the command line's own words about wrong usage
  if (!Runtime.getErrorReported(error)) return undefined
  if (isSessionError(error)) {
    return error.reason._tag === "ConfigurationInvalid"
      ? error.message
      : `${sentence(error.message)}\n${sentence(error.remedy)}`
  }
  return Predicate.isError(error) && error.message !== "" ? error.message : String(error)
}

const isWrongUsage = (error: unknown): boolean => CliError.isCliError(error) && error._tag === "ShowHelp"

const exitCodeOf = (error: unknown): number => (isWrongUsage(error) ? EXIT_INVALID : Runtime.getErrorExitCode(error))

/**
 * Puts the cause of a failure into words: an expected failure without a stack, with what to do; a defect as it is.
 *
 * Exit codes: 2 for wrong usage and for settings that cannot be used; else the one that the error carries under
 * `Runtime.errorExitCode`, or 1. An error that carries `Runtime.errorReported` as false has no text: its command has
 * said everything. Passwords in URLs and pairs are taken out of every text.
 */
export const reportOf = (cause: Cause.Cause<unknown>): FailureReport => {
  const failure = cause.reasons.find(Cause.isFailReason)
  const text = failure === undefined ? `This is a bug: ${Cause.pretty(cause)}` : wordsOf(failure.error)
  return {
    text: text === undefined ? undefined : redact(text, []),
    exitCode: failure === undefined ? EXIT_FAILURE : exitCodeOf(failure.error)
  }
}
