/** Puts a pool together in the current scope: state machine, hands, drain, and the service over them. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { SessionOpener } from "../session/SessionOpener.ts"
import type { Settings } from "../config/settings/Settings.ts"
import type { SessionError } from "../errors/SessionError.ts"
import type { SessionPool } from "./SessionPool.ts"
import type { PoolEvent } from "./Events.ts"
import { ledgerEntry, waiterEntries } from "./Ledger.ts"
import { borrow, lend, lendToTransaction, refusedAcquire, reserve, tryLend } from "./Acquire.ts"
import { drainPool } from "./PoolDrain.ts"
import { runStatement } from "./Statements.ts"
import { PoolRuntime } from "./PoolRuntime.ts"

/**
 * Whether the layer is built without waiting for the first session, for a program that wants to answer probes
 * meanwhile and then waits for `ready` itself. Default false.
 */
export const StartInBackground = Context.Reference<boolean>("effect-supavisor/services/pool/StartInBackground", {
  defaultValue: () => false
})

/** Events kept for those who come later, and the most that a slow reader may fall behind. */
const REPLAYED_EVENTS = 50
const BUFFERED_EVENTS = 256

/** Builds the pool in the current scope; its end drains it. */
export const makePool = Effect.fnUntraced(function* (config: Settings, opener: SessionOpener["Service"]) {
  const pubsub = yield* PubSub.sliding<PoolEvent>({ capacity: BUFFERED_EVENTS, replay: REPLAYED_EVENTS })
  const random = yield* Random.Random
  const runtime = new PoolRuntime({
    config,
    opener,
    context: yield* Effect.context<never>(),
    clock: yield* Clock.Clock,
    random: () => random.nextDoubleUnsafe(),
    pubsub
  })
  const drain = yield* drainPool(runtime)
  yield* Effect.addFinalizer(() => Effect.andThen(drain, PubSub.shutdown(pubsub)))
  runtime.start()
  const ready = firstSession(runtime)
  if (!(yield* StartInBackground)) yield* ready
  const run = runStatement(runtime)
  const service: SessionPool["Service"] = {
    name: runtime.name,
    endpoint: opener.endpoint,
    use: lend(runtime, (error) => error),
    get: reserve(runtime, (error) => error),
    tryUse: tryLend(runtime),
    borrow: borrow(runtime),
    run,
    execute: (sql, params = []) => Effect.withFiber((fiber) => run(fiber, sql, params)),
    transact: lendToTransaction(runtime),
    reserve: reserve(runtime, refusedAcquire),
    snapshot: Effect.sync(() => runtime.snapshot()),
    ledger: Effect.sync(() => Array.from(runtime.core.slots, (slot) => ledgerEntry(slot, runtime.now()))),
    waiters: Effect.sync(() => waiterEntries(runtime.core.waiters.first, runtime.now())),
    times: Effect.succeed(runtime.times),
    events: Stream.fromPubSub(pubsub),
    ready,
    suspect: Effect.sync(() => {
      runtime.core.probeAll(runtime.now())
      // A dial that has to wait for the gate is nobody else's wish.
      runtime.arm(runtime.now())
    }),
    renew: Effect.sync(() => {
      for (const slot of Array.from(runtime.core.slots)) runtime.core.evict(slot)
    }),
    drain
  }
  return service
})

/** Waits for what the first dial brings, as far as the start-up setting asks. */
const firstSession = (runtime: PoolRuntime): Effect.Effect<void, SessionError> => {
  const { startup } = runtime.config
  if (startup === "lazy") return Effect.void
  return Effect.catch(Deferred.await(runtime.firstDial), (error) => {
    return startup === "fail-fast" || error.isPermanent ? Effect.fail(error) : Effect.void
  })
}
