import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { entryOf } from "./Entries.ts"
import type { ErrorClass } from "./Entry.ts"
import { firstFew, wordMillis } from "../Wording.ts"

/** The number of holders named in a message; the field `holders` has all of them. */
const namedHolders = 5

const wordHolders = (holders: ReadonlyArray<string>): string =>
  holders.length === 0 ? "" : `. Held by: ${firstFew(holders, "; ", namedHolders)}`

/**
 * No session became free in time.
 *
 * Not retryable when the pool could not grow because its logins failed permanently.
 */
export class AcquireTimeout extends Schema.TaggedError<AcquireTimeout>("effect-supavisor/SessionError/AcquireTimeout")(
  "AcquireTimeout",
  {
    waitedMillis: Schema.Number,
    poolName: Schema.String,
    state: Schema.String,
    holders: Schema.Array(Schema.String),
    lastFailure: Schema.optional(Schema.String),
    lastFailureCode: Schema.optional(Schema.String)
  }
) {
  override get message(): string {
    const last = this.lastFailure === undefined ? "" : `. Last failed connect: ${this.lastFailure}`
    return (
      `No session of pool "${this.poolName}" became free within ${wordMillis(this.waitedMillis)} (${this.state})` +
      wordHolders(this.holders) +
      last
    )
  }
  get code(): string {
    return "ACQUIRE_TIMEOUT"
  }
  get class(): ErrorClass {
    return "capacity"
  }
  get isRetryable(): boolean {
    return entryOf(this.lastFailureCode)?.isRetryable ?? true
  }
  get retryAfter(): Duration.Duration | undefined {
    return undefined
  }
  get remedy(): string {
    return (
      entryOf(this.lastFailureCode)?.remedy ??
      "Hold sessions for a shorter time, start less work at once, or raise DB_POOL_MAX if the pooler grants more " +
        "sessions."
    )
  }
}

/** As many callers wait as the pool allows, so this one was refused at once. */
export class QueueFull extends Schema.TaggedError<QueueFull>("effect-supavisor/SessionError/QueueFull")("QueueFull", {
  maxWaiting: Schema.Number,
  state: Schema.String
}) {
  override get message(): string {
    return `Refused at once because ${this.maxWaiting} callers already wait for a session (${this.state})`
  }
  get code(): string {
    return "QUEUE_FULL"
  }
  get class(): ErrorClass {
    return "capacity"
  }
  get isRetryable(): boolean {
    return true
  }
  get retryAfter(): Duration.Duration | undefined {
    return undefined
  }
  get remedy(): string {
    return "Start less work at once, or raise DB_POOL_MAX_WAITING if the callers can afford the wait."
  }
}

/** The pool is closing or closed; it never opens again, so trying again on it cannot succeed. */
export class PoolClosed extends Schema.TaggedError<PoolClosed>("effect-supavisor/SessionError/PoolClosed")(
  "PoolClosed",
  { draining: Schema.Boolean }
) {
  override get message(): string {
    return this.draining ? "The session pool is draining and accepts no more callers" : "The session pool is closed"
  }
  get code(): string {
    return this.draining ? "POOL_DRAINING" : "POOL_CLOSED"
  }
  get class(): ErrorClass {
    return "closed"
  }
  get isRetryable(): boolean {
    return false
  }
  get retryAfter(): Duration.Duration | undefined {
    return undefined
  }
  get remedy(): string {
    return "Finish the work before the pool's scope closes, or start it against a pool that is open."
  }
}
