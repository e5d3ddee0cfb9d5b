import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { entryOf } from "./Entries.ts"
import { type ErrorClass, errorClasses } from "./Entry.ts"
import { toDuration, wordEndpoint, wordMillis } from "../Wording.ts"

/**
 * The server answered a statement with ERROR; the session stays usable.
 *
 * `message` has the server's MESSAGE and SQLSTATE. DETAIL, HINT, WHERE and internal query quote rows; they are
 * fields only, which are neither enumerable nor encoded.
 */
export class StatementFailed extends Schema.TaggedError<StatementFailed>(
  "effect-supavisor/SessionError/StatementFailed"
)("StatementFailed", {
  code: Schema.String,
  sqlState: Schema.optional(Schema.String),
  serverMessage: Schema.optional(Schema.String),
  detail: Schema.optional(Schema.String),
  hint: Schema.optional(Schema.String),
  where: Schema.optional(Schema.String),
  internalQuery: Schema.optional(Schema.String),
  severity: Schema.optional(Schema.String),
  constraint: Schema.optional(Schema.String),
  schema: Schema.optional(Schema.String),
  table: Schema.optional(Schema.String),
  column: Schema.optional(Schema.String),
  position: Schema.optional(Schema.String),
  class: Schema.Literals(errorClasses),
  isRetryable: Schema.Boolean,
  retryAfterMillis: Schema.optional(Schema.Number),
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    const text = this.serverMessage ?? entryOf(this.code)?.title ?? this.code
    return this.sqlState === undefined ? text : `${text} (SQLSTATE ${this.sqlState})`
  }
  get retryAfter(): Duration.Duration | undefined {
    return toDuration(this.retryAfterMillis)
  }
  get remedy(): string {
    return entryOf(this.code)?.remedy ?? "Read the server's message, detail and hint, and change the statement."
  }
  override toJSON(): unknown {
    return { ...this }
  }
}

/**
 * The server sent no answer within the client's own limit, so the session was destroyed.
 *
 * The server may still be running the statement. Retryable except for COMMIT, as it is reported only where a second run
 * cannot do harm; for any other statement there is `OutcomeUnknown`.
 */
export class StatementTimeout extends Schema.TaggedError<StatementTimeout>(
  "effect-supavisor/SessionError/StatementTimeout"
)("StatementTimeout", {
  host: Schema.String,
  port: Schema.Number,
  phase: Schema.Literals(["session", "query", "begin", "commit", "rollback", "listen", "drain"]),
  elapsedMillis: Schema.Number,
  limitMillis: Schema.Number,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return (
      `No answer from ${wordEndpoint(this.host, this.port)} within ${wordMillis(this.limitMillis)} (${this.phase} ` +
      `phase, after ${wordMillis(this.elapsedMillis)}); the session was destroyed, and the server may still be ` +
      "running the statement"
    )
  }
  get code(): string {
    return "STATEMENT_TIMEOUT"
  }
  get class(): ErrorClass {
    return "network"
  }
  get isRetryable(): boolean {
    return this.phase !== "commit"
  }
  get retryAfter(): Duration.Duration | undefined {
    return undefined
  }
  get remedy(): string {
    return (
      "If the statement needs the time, raise DB_STATEMENT_TIMEOUT; if the server stopped answering, check the " +
      "network."
    )
  }
}
