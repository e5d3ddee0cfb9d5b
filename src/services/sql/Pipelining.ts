/**
 * Whether single statements share sessions, set per effect; `DB_POOL_PIPELINE` sets it for all.
 *
 * Only independent statements share: outside of transactions, SELECT, INSERT, UPDATE, DELETE, MERGE, WITH or VALUES,
 * without side effects on the session, and known to be quick. A text runs on a session of its own the first time, and
 * again when it has turned out slow. An error or an interruption concerns its own statement only, but each statement
 * waits for those ahead of it on its session.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Default: `DB_POOL_PIPELINE`. */
export const Pipelining = Context.Reference<boolean | undefined>("effect-supavisor/Pipelining", {
  defaultValue: () => undefined
})

/** Lets the statements of an effect share sessions, up to 32 on one unless the settings name another depth. */
export const pipelined = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Pipelining, true)

/** Runs each statement of an effect on a session of its own, whatever the settings are. */
export const exclusive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Pipelining, false)
