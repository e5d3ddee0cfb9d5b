/**
 * What becomes of a statement that nobody waits for any more.
 *
 * A ping queued behind it tells when the wire is free. If that takes longer than a short grace, a CancelRequest is
 * sent, and then the session may be kept only when the server said that it cancelled that very statement: otherwise
 * the cancel may still be on its way and would hit the next one (Supavisor's issue 1148 is one way this happens).
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import type { Endpoint } from "../Transport.ts"
import type { WireTap } from "../wire/WireTap.ts"
import { deliver } from "./CancelSocket.ts"

/**
 * An interrupted statement gets this long to end by itself before a cancel is sent for it; most are about to, and a
 * cancel that comes too late costs the session.
 */
const GRACE_MILLIS = 10

/** How long a cancelled statement may take to stop before the session is closed. */
export const STOP_MILLIS = 5000

/** Ends the statements in flight; true when the session is free and safe to use again. Never fails, always bounded. */
export const endAbandoned = (parts: {
  /** Answered when everything asked before it is. */
  readonly ping: Effect.Effect<unknown, unknown>
  readonly endpoint: Endpoint
  readonly tap: WireTap
}): Effect.Effect<boolean> => {
  const { endpoint, tap } = parts
  const cancelledBefore = tap.cancelled
  const request = PgProtocol.encodeCancelRequest({ pid: tap.processId, secret: tap.secretKey })
  return Effect.gen(function* () {
    const drained = Deferred.makeUnsafe<boolean>()
    const ping = Effect.map(Effect.exit(parts.ping), Exit.isSuccess)
    yield* Effect.forkDetach(Deferred.into(ping, drained), { startImmediately: true })
    const early = yield* Effect.timeoutOption(Deferred.await(drained), GRACE_MILLIS)
    if (early._tag === "Some") return early.value
    yield* Effect.forkDetach(deliver(endpoint, request), { startImmediately: true })
    const late = yield* Effect.timeoutOption(Deferred.await(drained), STOP_MILLIS)
    return late._tag === "Some" && late.value && tap.cancelled > cancelledBefore
  }).pipe(Effect.catchCause(() => Effect.succeed(false)))
}
