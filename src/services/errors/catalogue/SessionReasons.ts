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
  const title = entryOf(reason.code)?.title ?? reason.code
  const system = reason.systemMessage === undefined ? "" : `: ${reason.systemMessage}`
  return `${title} [${reason.code}]${system}`
}

/** A session could not be opened; the code identifies the cause, and the phase how far the dial got. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>("effect-supavisor/SessionError/ConnectFailed")(
  "ConnectFailed",
  { ...ClassifiedFields, ceiling: Schema.optional(Schema.Number) }
) {
  override get message(): string {
    return (
      `Could not open a session at ${wordEndpoint(this.host, this.port)} (${this.phase} phase, after ` +
      `${wordMillis(this.elapsedMillis)}): ${titleOf(this)}${wordServer(this.serverMessage, this.sqlState)}`
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
 * Retryable unless the server's reason forbids it or a COMMIT was in flight. A statement that was in flight may have
 * been executed, and the server may still be running it.
 */
export class SessionLost extends Schema.TaggedError<SessionLost>("effect-supavisor/SessionError/SessionLost")(
  "SessionLost",
  { ...ClassifiedFields, statementInFlight: Schema.Boolean }
) {
  override get message(): string {
    const flight = this.statementInFlight ? ", a statement was in flight and its outcome is unknown" : ""
    return (
      `Lost the session at ${wordEndpoint(this.host, this.port)} (${this.phase} phase, after ` +
      `${wordMillis(this.elapsedMillis)}${flight}): ${titleOf(this)}${wordServer(this.serverMessage, this.sqlState)}`
    )
  }
  get retryAfter(): Duration.Duration | undefined {
    return toDuration(this.retryAfterMillis)
  }
  get remedy(): string {
    const remedy = entryOf(this.code)?.remedy ?? "Try again on another session."
    return this.statementInFlight
      ? `${remedy} Before you repeat a write that ran outside a transaction, check whether it took effect.`
      : remedy
  }
}

/** COMMIT was sent and its reply never came: whether the transaction was committed is unknown. */
export class OutcomeUnknown extends Schema.TaggedError<OutcomeUnknown>("effect-supavisor/SessionError/OutcomeUnknown")(
  "OutcomeUnknown",
  EndpointFields
) {
  override get message(): string {
    return (
      `COMMIT was sent to ${wordEndpoint(this.host, this.port)} and no reply came within ` +
      `${wordMillis(this.elapsedMillis)}, so whether the transaction took effect is unknown: ${titleOf(this)}` +
      wordServer(this.serverMessage, this.sqlState)
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
    return (
      "Check in the database whether the transaction took effect, and run it again only if it did not. A unique " +
      "key that the transaction writes makes that check simple and a second run harmless."
    )
  }
}
