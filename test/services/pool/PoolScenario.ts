import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import type { PoolEvent } from "../../../src/services/pool/Events.ts"
import type { LeasedSession } from "../../../src/services/pool/LeasedSession.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import type { SessionError } from "../../../src/services/errors/SessionError.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { type Script, type ScriptedServer, ScriptedSessions } from "../../../src/testing/ScriptedSessions.ts"

/** A pool with the other side of its sessions and all that it ever told. */
export interface Scenario {
  readonly pool: SessionPool["Service"]
  readonly server: ScriptedServer
  readonly events: ReadonlyArray<PoolEvent>
}

/** What is given back and closed in the worst case is so after the longest shutdown timeout of these tests. */
const END_MILLIS = 60_000

/**
 * Runs a test against a scripted pool, then ends the pool. Whatever happened in between, the other side must never
 * have seen more sockets than `max`, and none is left at the end.
 */
export const withPool = <A, E>(
  script: Script,
  settings: SettingsInput,
  body: (scenario: Scenario) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E | SessionError> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(ScriptedSessions.layerPool(script, settings), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    const pool = Context.get(context, SessionPool)
    const server = Context.get(context, ScriptedSessions)
    const events: Array<PoolEvent> = []
    yield* Effect.forkChild(
      Stream.runForEach(pool.events, (event) => Effect.sync(() => events.push(event))),
      { startImmediately: true }
    )
    const exit = yield* Effect.exit(Effect.scoped(body({ pool, server, events })))
    const { max } = yield* pool.snapshot
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
    yield* TestClock.adjust(END_MILLIS)
    yield* Fiber.join(closing)
    const result = yield* exit
    assert.isAtMost(server.mostSockets, max)
    assert.strictEqual(server.open.size, 0)
    return result
  })

/** A borrower that keeps its session until it is told to let go. */
export interface Held {
  readonly fiber: Fiber.Fiber<void, SessionError>
  readonly release: Effect.Effect<void>
  /** The session it got; undefined while it waits. */
  readonly lease: () => LeasedSession | undefined
}

/** Starts a borrower in the background. */
export const hold = (pool: SessionPool["Service"]): Effect.Effect<Held> =>
  Effect.gen(function* () {
    const gate = Deferred.makeUnsafe<void>()
    let lease: LeasedSession | undefined
    const fiber = yield* Effect.forkChild(
      pool.use((session) => {
        lease = session
        return Deferred.await(gate)
      }),
      { startImmediately: true }
    )
    return {
      fiber,
      lease: () => lease,
      release: Effect.andThen(Deferred.succeed(gate, undefined), Effect.asVoid(Effect.exit(Fiber.join(fiber))))
    }
  })

/** Several of them, in this order. */
export const holdMany = (pool: SessionPool["Service"], count: number): Effect.Effect<ReadonlyArray<Held>> =>
  Effect.forEach(Array.from({ length: count }), () => hold(pool))

/** Passes time in steps, looking at the pool after each: the sum of its sessions never exceeds `max`. */
export const pass = (
  { pool }: Scenario,
  millis: number,
  step: number,
  look: (snapshot: Effect.Success<SessionPool["Service"]["snapshot"]>) => void = () => {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let passed = 0; passed < millis; passed += step) {
      yield* TestClock.adjust(step)
      const snapshot = yield* pool.snapshot
      assert.isAtMost(snapshot.connecting + snapshot.idle + snapshot.used + snapshot.closing, snapshot.max)
      look(snapshot)
    }
  })

/** The events of one kind. */
export const ofTag = <T extends PoolEvent["_tag"]>(
  events: ReadonlyArray<PoolEvent>,
  tag: T
): ReadonlyArray<Extract<PoolEvent, { readonly _tag: T }>> =>
  events.filter((event): event is Extract<PoolEvent, { readonly _tag: T }> => event._tag === tag)
