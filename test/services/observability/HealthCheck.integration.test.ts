import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { HealthCheck } from "../../../src/services/observability/HealthCheck.ts"
import { SessionConfig } from "../../../src/services/config/SessionConfig.ts"
import { SessionPool } from "../../../src/services/pool/SessionPool.ts"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, until, untilPool } from "../../PoolHarness.ts"
import { wordsOf } from "./HealthScenario.ts"
import { elapsed, timed } from "../../Timing.ts"

/** Two probes of two seconds each, one jittered interval of half a second, and what a loaded machine adds. */
const FOUND_OUT_BY = 6000

/** A pool of two sessions with its health, checked every half second. */
const watched = Effect.gen(function* () {
  const settings = { pool: { min: 2, max: 2 }, connectTimeout: 2000, shutdownTimeout: 1000, healthCheckInterval: 500 }
  const world = yield* stack(settings)
  const context = yield* Layer.build(
    HealthCheck.layer.pipe(
      Layer.provide([
        Layer.succeed(SessionPool, world.pool),
        SessionConfig.layer({ ...settings, url: "postgres://health.invalid/none" }),
        Logger.layer([])
      ])
    )
  )
  const { current } = Context.get(context, HealthCheck)
  const untilState = (state: string) =>
    until(
      `the health is ${state}`,
      Effect.map(current, (health) => wordsOf(health) === state)
    )
  yield* untilPool(world.pool, "both sessions are open", ({ idle }) => idle === 2)
  yield* untilState("Up")
  return { ...world, current, untilState }
})

layer(TestPostgres.layer, { excludeTestServices: true })("the health of a pool on a real server", (it) => {
  it.effect("is up with the time of a round trip, and uses a session only briefly", () =>
    Effect.gen(function* () {
      const { current, pool } = yield* watched
      const { consecutiveFailures, latencyMillis, started } = yield* current
      assert.deepStrictEqual([consecutiveFailures, started], [0, true])
      assert.isAbove(latencyMillis ?? 0, 0)
      yield* untilPool(pool, "both are idle again", ({ idle }) => idle === 2)
    })
  )

  it.effect(
    "is down in bounded time when the peer goes silent, and up by itself on new sessions",
    () =>
      Effect.gen(function* () {
        const { current, pool, proxy, untilState } = yield* watched
        const before = new Set((yield* pool.sessions).map(({ sessionId }) => sessionId))
        yield* proxy.setMode(FaultMode.blackhole())
        assert.isBelow(yield* elapsed(untilState("Down")), FOUND_OUT_BY)
        assert.isAtLeast((yield* current).consecutiveFailures, 1)
        yield* untilPool(pool, "no silent session is left", ({ idle, used }) => idle + used === 0)
        yield* proxy.setMode(FaultMode.pass, { existing: false })
        yield* untilState("Up")
        const after = (yield* pool.sessions).map(({ sessionId }) => sessionId)
        assert.deepStrictEqual(
          after.filter((id) => before.has(id)),
          []
        )
      }),
    timed
  )

  it.effect("is down as soon as all sessions are lost, and up when the server is back", () =>
    Effect.gen(function* () {
      const { current, proxy, untilState } = yield* watched
      yield* proxy.setMode(FaultMode.refuse, { existing: false })
      yield* proxy.cutAll("reset")
      yield* untilState("Down")
      yield* until(
        "the refusal is known",
        Effect.map(current, ({ lastError }) => lastError?.code === "ECONNREFUSED")
      )
      assert.isNotEmpty((yield* current).lastError?.remedy)
      yield* proxy.setMode(FaultMode.pass, { existing: false })
      yield* untilState("Up")
    })
  )

  it.effect("is degraded while a full pool works, and delays no caller by a check", () =>
    Effect.gen(function* () {
      const { current, pool, sql, untilState } = yield* watched
      const busy = yield* Effect.forkChild(
        Effect.forEach([1, 2], () => Effect.forever(sql`select pg_sleep(0.2)`), { concurrency: 2 })
      )
      yield* untilState("Degraded:saturated")
      assert.strictEqual((yield* current).consecutiveFailures, 0)
      yield* Fiber.interrupt(busy)
      yield* untilState("Up")
      assert.strictEqual((yield* pool.snapshot).open, 2)
    })
  )
})
