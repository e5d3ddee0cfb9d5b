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
import type { LeasedSession } from "../../../src/services/pool/SessionLease.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import type { SessionError } from "../../../src/services/errors/SessionError.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { type Script, type ScriptedServer, ScriptedSessions } from "../../../src/testing/ScriptedSessions.ts"

/** A pool with its scripted server and all its events. */
export interface Scenario {
  readonly pool: SessionPool["Service"]
  readonly server: ScriptedServer
  readonly events: ReadonlyArray<PoolEvent>
}

/** Longer than any shutdown timeout in these tests. */
const END_MILLIS = 60_000

/**
 * Runs a test against a scripted pool, then closes the pool. The server must never have seen more sockets than `max`,
 * and has none at the end.
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

/** A lease that lasts until it is released. */
export interface HeldLease {
  readonly fiber: Fiber.Fiber<void, SessionError>
  readonly release: Effect.Effect<void>
  /** Undefined while it waits. */
  readonly lease: () => LeasedSession | undefined
}

/** Acquires a session in the background. */
export const hold = (pool: SessionPool["Service"]): Effect.Effect<HeldLease> =>
  Effect.gen(function* () {
    const released = Deferred.makeUnsafe<void>()
    let lease: LeasedSession | undefined
    const fiber = yield* Effect.forkChild(
      pool.use((session) => {
        lease = session
        return Deferred.await(released)
      }),
      { startImmediately: true }
    )
    return {
      fiber,
      lease: () => lease,
      release: Effect.andThen(Deferred.succeed(released, undefined), Effect.asVoid(Effect.exit(Fiber.join(fiber))))
    }
  })

export const holdMany = (pool: SessionPool["Service"], count: number): Effect.Effect<ReadonlyArray<HeldLease>> =>
  Effect.forEach(Array.from({ length: count }), () => hold(pool))

/** Advances the clock in steps and checks after each that the sum of the sessions does not exceed `max`. */
export const advance = (
  { pool }: Scenario,
  millis: number,
  step: number,
  check: (snapshot: Effect.Success<SessionPool["Service"]["snapshot"]>) => void = () => {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let passed = 0; passed < millis; passed += step) {
      yield* TestClock.adjust(step)
      const snapshot = yield* pool.snapshot
      assert.isAtMost(snapshot.connecting + snapshot.idle + snapshot.used + snapshot.closing, snapshot.max)
      check(snapshot)
    }
  })

export const ofTag = <T extends PoolEvent["_tag"]>(
  events: ReadonlyArray<PoolEvent>,
  tag: T
): ReadonlyArray<Extract<PoolEvent, { readonly _tag: T }>> =>
  events.filter((event): event is Extract<PoolEvent, { readonly _tag: T }> => event._tag === tag)
