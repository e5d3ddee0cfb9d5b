/** The message and the exit code of a failed program. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import { redact } from "../services/config/ConnectionString.ts"
import { isSessionError } from "../services/errors/SessionError.ts"
import { EXIT_FAILURE, EXIT_INVALID } from "./ExitCode.ts"
import { sentence } from "../services/errors/Wording.ts"

const textOf = (error: unknown): string | undefined => {
  // printed already, by the command or as wrong usage
  if (!Runtime.getErrorReported(error)) return undefined
  if (isSessionError(error)) {
    return error.reason._tag === "ConfigurationInvalid"
      ? error.message
      : `${sentence(error.message)}\n${sentence(error.remedy)}`
  }
  return Predicate.isError(error) && error.message !== "" ? error.message : String(error)
}

const exitCodeOf = (error: unknown): number => {
  const isWrongUsage = CliError.isCliError(error) && error._tag === "ShowHelp"
  return isWrongUsage ? EXIT_INVALID : Runtime.getErrorExitCode(error)
}

/**
 * Describes the cause of a failure: an expected failure without a stack and with its remedy; a defect with its stack.
 *
 * Exit codes: 2 for wrong usage and invalid settings; else `Runtime.errorExitCode` of the error, or 1. An error with
 * `Runtime.errorReported` false has no text. Passwords in URLs and pairs are removed from every text.
 */
export const reportOf = (cause: Cause.Cause<unknown>) => {
  const failure = cause.reasons.find(Cause.isFailReason)
  const text = failure === undefined ? `This is a bug: ${Cause.pretty(cause)}` : textOf(failure.error)
  return {
    text: text === undefined ? undefined : redact(text, []),
    exitCode: failure === undefined ? EXIT_FAILURE : exitCodeOf(failure.error)
  }
}
