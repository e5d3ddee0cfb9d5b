/** How an application marks its statements and transactions, per effect. */
import * as Effect from "effect/Effect"
import { Idempotent } from "../session/Outcome.ts"

export { Idempotent }

/**
 * Marks the statements of an effect as safe to be executed twice.
 *
 * A statement outside a transaction that may write fails with `OutcomeUnknown`, not retryable, when its session ends before
 * the reply. With this it fails as one that only reads: retryable. Nothing is repeated by the library itself.
 */
export const idempotent = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Idempotent, true)
