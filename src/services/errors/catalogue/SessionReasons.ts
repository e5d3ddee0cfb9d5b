import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { entryOf } from "./Entries.ts"
import { type ErrorClass, errorClasses, phases } from "./Entry.ts"
import { toDuration, wordEndpoint, wordMillis, wordServer } from "../Wording.ts"

const Phase = Schema.Literals(phases)

const Class = Schema.Literals(errorClasses)

const EndpointFields = {
  host: Schema.String,
  port: Schema.Number,
  elapsedMillis: Schema.Number,
  code: Schema.String,
  sqlState: Schema.optional(Schema.String),
  serverMessage: Schema.optional(Schema.String),
  systemMessage: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect())
}

const ClassifiedFields = {
  ...EndpointFields,
  phase: Phase,
  class: Class,
  isRetryable: Schema.Boolean,
  retryAfterMillis: Schema.optional(Schema.Number)
}

const titleOf = (reason: { readonly code: string; readonly systemMessage?: string | undefined }): string => {
  const title = entryOf(reason.code)?.title
  const system = reason.systemMessage === undefined ? "" : `: ${reason.systemMessage}`
  return `${title === undefined ? reason.code : `${title} [${reason.code}]`}${system}`
}

/** A session could not be opened; the code identifies the cause, and the phase how far the dial got. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>("effect-supavisor/SessionError/ConnectFailed")(
  "ConnectFailed",
  {
    ...ClassifiedFields,
    ceiling: Schema.optional(Schema.Number),
    /** When the next login is tried, in milliseconds since 1970, if this one was not: too many had been refused. */
    pausedUntil: Schema.optional(Schema.Number)
  }
) {
  override get message(): string {
    return (
      `Could not open a session at ${wordEndpoint(this.host, this.port)} (${this.phase} phase, after ` +
      `${wordMillis(this.elapsedMillis)}): ${titleOf(this)}${wordServer(this.serverMessage, this.sqlState)}` +
      (this.pausedUntil === undefined
        ? ""
        : `. Three logins were refused, so the next one is tried at ${new Date(this.pausedUntil).toISOString()}`)
    )
  }
  get retryAfter(): Duration.Duration | undefined {
    return toDuration(this.retryAfterMillis)
  }
  get remedy(): string {
    return entryOf(this.code)?.remedy ?? "Read the server's message."
  }
}

/**
 * An established session ended unexpectedly.
 *
 * Retryable unless the server's reason forbids it: a second run cannot do harm. A statement in flight only read, ran in a
 * transaction that the server rolled back, or may be repeated; for any other there is `OutcomeUnknown`.
 */
export class SessionLost extends Schema.TaggedError<SessionLost>("effect-supavisor/SessionError/SessionLost")(
  "SessionLost",
  { ...ClassifiedFields, statementInFlight: Schema.Boolean }
) {
  override get message(): string {
    const flight = this.statementInFlight ? ", a statement was in flight" : ""
    return (
      `Lost the session at ${wordEndpoint(this.host, this.port)} (${this.phase} phase, after ` +
      `${wordMillis(this.elapsedMillis)}${flight}): ${titleOf(this)}${wordServer(this.serverMessage, this.sqlState)}`
    )
  }
  get retryAfter(): Duration.Duration | undefined {
    return toDuration(this.retryAfterMillis)
  }
  get remedy(): string {
    return entryOf(this.code)?.remedy ?? "Try again on another session."
  }
}

/**
 * A COMMIT, or a statement outside a transaction that may write, was sent and its reply never came: whether it took effect
 * is unknown. The code is that of the failure that ended the session.
 */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>("effect-supavisor/SessionError/OutcomeUnknown")(
  "OutcomeUnknown",
  { ...EndpointFields, phase: Schema.Literals(["commit", "query"]) }
) {
  override get message(): string {
    const isCommit = this.phase === "commit"
    return (
      `${isCommit ? "COMMIT" : "A statement"} was sent to ${wordEndpoint(this.host, this.port)} and no reply came ` +
      `within ${wordMillis(this.elapsedMillis)}, so whether ${isCommit ? "the transaction" : "it"} took effect is ` +
      `unknown: ${titleOf(this)}${wordServer(this.serverMessage, this.sqlState)}` +
      (isCommit ? "" : ". Before you repeat it, check; if it is harmless twice, use Transactions.idempotent")
    )
  }
  get class(): ErrorClass {
    return "network"
  }
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): Duration.Duration | undefined {
    return undefined
  }
  get remedy(): string {
    return this.phase === "commit"
      ? "Check in the database whether the transaction took effect, and run it again only if it did not. A unique " +
          "key that the transaction writes makes that check simple and a second run harmless."
      : "Check in the database whether the statement took effect, and run it again only if it did not. In a " +
          "transaction every loss before COMMIT is safe to retry. Where a second run is harmless (a unique key with ON " +
          "CONFLICT DO NOTHING, an update to fixed values), wrap it in Transactions.idempotent to make it retryable."
  }
}
