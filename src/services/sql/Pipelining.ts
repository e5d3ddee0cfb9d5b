/**
 * Whether single statements share sessions, effect by effect; `DB_POOL_PIPELINE` says it for all.
 *
 * Only statements that stand alone share: outside of transactions, SELECT, INSERT, UPDATE, DELETE, MERGE, WITH or VALUES,
 * without anything left behind in the session, and known to be quick. A text runs on a session of its own the first
 * time, and again when it has turned out slow. Errors stay with their statement, and a caller that leaves takes nobody
 * else's statement along; but who shares a session waits for those ahead in the same write.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

/** Default: as the settings say. */
export const Pipelining = Context.Reference<boolean | undefined>("effect-supavisor/Pipelining", {
  defaultValue: () => undefined
})

/** Has the statements of an effect share sessions, up to 32 on one where the settings name no other depth. */
export const pipelined = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Pipelining, true)

/** Keeps a session to each statement of an effect, whatever the settings say. */
export const exclusive = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.provideService(effect, Pipelining, false)
