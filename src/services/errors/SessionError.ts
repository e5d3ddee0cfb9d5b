import type * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { isSqlError } from "effect/sql/SqlError"
import type { ErrorClass, FailureFacts, Phase } from "./catalogue/Entry.ts"
import { conversionFailure } from "./catalogue/ConversionFailure.ts"
import { factsOf } from "./catalogue/FailureFacts.ts"
import { ConfigurationInvalid, type SettingProblem } from "./catalogue/ConfigurationReason.ts"
import { type CauseSummary, harmlessCause, hideQuotes, summarizeCause } from "./catalogue/SafeCause.ts"
import { redactForeignText } from "./catalogue/RedactedText.ts"
import { AcquireTimeout, PoolClosed, QueueFull } from "./catalogue/PoolReasons.ts"
import {
  type ConnectFailedInput,
  makeConnectFailed,
  makeOutcomeUnknown,
  makeSessionLost,
  makeStatementFailed,
  type OutcomeUnknownInput,
  type SessionLostInput
} from "./catalogue/ReasonFactory.ts"
import { ConnectFailed, OutcomeUnknown, SessionLost } from "./catalogue/SessionReasons.ts"
import { StatementFailed, StatementTimeout } from "./catalogue/StatementReasons.ts"

/** Makes a reason without a stack: it would repeat that of its SessionError, and capturing it is most of the cost. */
const withoutStack = <A>(make: () => A): A => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}

export {
  AcquireTimeout,
  ConfigurationInvalid,
  ConnectFailed,
  OutcomeUnknown,
  PoolClosed,
  QueueFull,
  SessionLost,
  StatementFailed,
  StatementTimeout
}

export type { ErrorClass, FailureFacts, Phase, SettingProblem }

const TypeId = "~effect-supavisor/SessionError" as const

/** Why a session operation failed. */
export const SessionErrorReason = Schema.Union([
  AcquireTimeout,
  QueueFull,
  PoolClosed,
  ConnectFailed,
  SessionLost,
  OutcomeUnknown,
  StatementFailed,
  StatementTimeout,
  ConfigurationInvalid
])

export type SessionErrorReason = typeof SessionErrorReason.Type

/** Exit code of a program with unusable settings; any other failure exits with 1. */
const configurationExitCode = 2

/**
 * The error of this library: what failed, where, whether another try helps, and what a person can do.
 *
 * Build it with its static constructors, which classify the failure and keep credentials out of every field.
 */
export class SessionError extends Schema.TaggedError<SessionError>("effect-supavisor/SessionError")("SessionError", {
  reason: SessionErrorReason
}) {
  readonly [TypeId] = TypeId

  override readonly cause = hideQuotes(this.reason)

  override get message(): string {
    return this.reason.message
  }

  /** The catalogue's code; for a failed statement the server's SQLSTATE. */
  get code(): string {
    return this.reason._tag === "StatementFailed" ? (this.reason.sqlState ?? this.reason.code) : this.reason.code
  }

  get class(): ErrorClass {
    return this.reason.class
  }

  /** Whether an unattended second try is safe and may succeed. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }

  /** Whether a person has to correct a setting or a credential before another try can succeed. */
  get isPermanent(): boolean {
    return (this.class === "auth" || this.class === "configuration") && !this.isRetryable
  }

  /** How long to wait before another try; undefined when any time is as good. */
  get retryAfter(): Duration.Duration | undefined {
    return this.reason.retryAfter
  }

  /** What a person can do. */
  get remedy(): string {
    return this.reason.remedy
  }

  /** The server's severity, such as `ERROR`, for a failed statement. */
  get severity(): string | undefined {
    return this.reason._tag === "StatementFailed" ? this.reason.severity : undefined
  }

  /** The server's detail for a failed statement. It may quote a row, so it is in no message and no JSON. */
  get detail(): string | undefined {
    return this.reason._tag === "StatementFailed" ? this.reason.detail : undefined
  }

  /** The server's hint for a failed statement; in no message either. */
  get hint(): string | undefined {
    return this.reason._tag === "StatementFailed" ? this.reason.hint : undefined
  }

  /** The server's context (WHERE) for a failed statement, such as the lines of functions; in no message either. */
  get where(): string | undefined {
    return this.reason._tag === "StatementFailed" ? this.reason.where : undefined
  }

  /** The statement that a function ran when it failed; in no message either. */
  get internalQuery(): string | undefined {
    return this.reason._tag === "StatementFailed" ? this.reason.internalQuery : undefined
  }

  /** The violated constraint of a failed statement. */
  get constraint(): string | undefined {
    return this.reason._tag === "StatementFailed" ? this.reason.constraint : undefined
  }

  override get [Runtime.errorExitCode](): number {
    return this.reason._tag === "ConfigurationInvalid" ? configurationExitCode : 1
  }

  override toJSON(): unknown {
    const { cause, ...fields } = this.reason as SessionErrorReason & { readonly cause?: unknown }
    const summary: CauseSummary | undefined = summarizeCause(cause)
    return {
      _tag: this._tag,
      message: this.message,
      code: this.code,
      class: this.class,
      isRetryable: this.isRetryable,
      remedy: this.remedy,
      reason: summary === undefined ? fields : { ...fields, cause: summary }
    }
  }

  static acquireTimeout(input: {
    readonly waitedMillis: number
    readonly poolName: string
    readonly state: string
    readonly holders: ReadonlyArray<string>
    readonly lastFailure?: string | undefined
    readonly lastFailureCode?: string | undefined
  }): SessionError {
    return of(
      () =>
        new AcquireTimeout({
          ...input,
          holders: input.holders.map(redactForeignText),
          lastFailure: input.lastFailure === undefined ? undefined : redactForeignText(input.lastFailure)
        })
    )
  }

  static queueFull(input: { readonly maxWaiting: number; readonly state: string }): SessionError {
    return of(() => new QueueFull(input))
  }

  static poolClosed(input: { readonly draining: boolean }): SessionError {
    return of(() => new PoolClosed(input))
  }

  static connectFailed(input: ConnectFailedInput): SessionError {
    return of(() => makeConnectFailed(input))
  }

  static sessionLost(input: SessionLostInput): SessionError {
    return of(() => makeSessionLost(input))
  }

  /** The same failed login, for callers whose login is not tried before a time (milliseconds since 1970). */
  pausedUntil(time: number): SessionError {
    const { reason } = this
    return reason._tag === "ConnectFailed" ? of(() => new ConnectFailed({ ...reason, pausedUntil: time })) : this
  }

  static outcomeUnknown(input: OutcomeUnknownInput): SessionError {
    return of(() => makeOutcomeUnknown(input))
  }

  /** The failure is an SqlError, an ErrorResponse's fields, or facts. */
  static statementFailed(failure: unknown): SessionError {
    return of(() => makeStatementFailed(failure))
  }

  static statementTimeout(input: {
    readonly host: string
    readonly port: number
    readonly phase?: StatementTimeout["phase"] | undefined
    readonly elapsedMillis: number
    readonly limitMillis: number
    readonly cause?: unknown
  }): SessionError {
    return of(
      () => new StatementTimeout({ ...input, phase: input.phase ?? "query", cause: harmlessCause(input.cause) })
    )
  }

  static configurationInvalid(problems: ReadonlyArray<SettingProblem>): SessionError {
    return of(() => new ConfigurationInvalid({ problems: problems.map(redactProblem) }))
  }

  /**
   * The SessionError behind an SqlError, or one made from its content.
   *
   * Takes anything and never throws; undefined for what is neither an SqlError nor a SessionError.
   */
  static fromSqlError(
    error: unknown,
    endpoint?: { readonly host: string; readonly port: number; readonly elapsedMillis?: number }
  ): SessionError | undefined {
    if (isAny(error, isSessionError)) return error
    if (!isAny(error, isSqlError)) return undefined
    const cause = error.reason.cause
    if (isSessionError(cause)) return cause
    const facts = factsOf(error)
    const severity = facts.severity?.toUpperCase()
    const at = { host: "", port: 0, elapsedMillis: 0, ...endpoint, failure: error }
    if (
      facts.sqlState !== undefined &&
      error.reason.operation !== "connect" &&
      severity !== "FATAL" &&
      severity !== "PANIC"
    ) {
      return SessionError.statementFailed(error)
    }
    if (error.reason.operation === "connect" || error.reason._tag === "AuthenticationError") {
      return SessionError.connectFailed({
        ...at,
        phase: connectPhase(facts, error.reason._tag === "AuthenticationError")
      })
    }
    if (facts.sqlState === undefined && error.reason._tag !== "ConnectionError") {
      return SessionError.statementFailed(conversionFailure(cause, "RESULT_NOT_DECODED") ?? error)
    }
    return SessionError.sessionLost({ ...at, statementInFlight: true })
  }
}

/** Whether a value is a SessionError, also one of another copy of this module. */
export const isSessionError = (value: unknown): value is SessionError => Predicate.hasProperty(value, TypeId)

/** A check of any value; a revoked proxy throws at every access. */
const isAny = <A>(value: unknown, is: (value: unknown) => value is A): value is A => {
  try {
    return is(value)
  } catch {
    return false
  }
}

const of = (make: () => SessionErrorReason): SessionError => new SessionError({ reason: withoutStack(make) })

const connectPhase = (facts: FailureFacts, isAuthentication: boolean): Phase => {
  if (isAuthentication || facts.sqlState !== undefined) return "authentication"
  return facts.syscall === "getaddrinfo" ? "dns" : "tcp"
}

const redactProblem = (problem: SettingProblem): SettingProblem => ({
  ...problem,
  received: problem.received === undefined ? undefined : redactForeignText(problem.received),
  expected: redactForeignText(problem.expected),
  ...(problem.remedy === undefined ? {} : { remedy: redactForeignText(problem.remedy) })
})
