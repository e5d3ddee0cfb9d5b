import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Listener } from "../../../src/services/sql/Listener.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { Dial, ScriptedSessions } from "../../../src/testing/ScriptedSessions.ts"

const SECOND = 1000

const onePool = ScriptedSessions.layerPool({}, { pool: { max: 1 } })

describe("a listener", () => {
  it.effect("that left while its session was being replaced holds none afterwards", () =>
    Effect.gen(function* () {
      const { listen } = yield* Listener
      const pool = yield* SessionPool
      const server = yield* ScriptedSessions
      const listening = yield* Scope.make()
      yield* Scope.provide(listen("news"), listening)
      server.change({ dials: Dial.succeeds(SECOND) })
      server.session(1).lose()
      yield* TestClock.adjust(SECOND / 2)
      assert.strictEqual((yield* pool.snapshot).waiting, 1)
      yield* Scope.close(listening, Exit.void)
      yield* TestClock.adjust(SECOND)
      const { open, used } = yield* pool.snapshot
      assert.deepStrictEqual({ open, used }, { open: 1, used: 0 })
    }).pipe(Effect.provide(Layer.provideMerge(Listener.layer, onePool)))
  )

  it.effect("that starts and ends leaves no fiber behind that waits for the end of its session", () => {
    let alive = 0
    const count = {
      recordFiberStart: () => void alive++,
      recordFiberEnd: () => void alive--
    }
    return Effect.gen(function* () {
      const { listen } = yield* Listener
      const comeAndGo = Effect.andThen(Effect.scoped(listen("news")), TestClock.adjust(SECOND))
      yield* comeAndGo
      const before = alive
      for (let time = 0; time < 5; time++) yield* comeAndGo
      assert.strictEqual(alive, before)
    }).pipe(
      Effect.provide(Layer.provideMerge(Listener.layer, onePool)),
      Effect.provideService(Metric.FiberRuntimeMetrics, count)
    )
  })
})
