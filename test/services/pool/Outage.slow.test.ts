import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { FaultMode } from "../../../src/testing/FaultProxy.ts"
import { TestPostgres } from "../../../src/testing/TestPostgres.ts"
import { stack, untilPool } from "../../PoolHarness.ts"
import { elapsed, timed } from "../../Timing.ts"

layer(TestPostgres.layer, { excludeTestServices: true })("a pool on a real server", (it) => {
  it.effect(
    "dials at most 20 times in an outage of a minute, whatever its callers do, and recovers within 4 s",
    () =>
      Effect.gen(function* () {
        const { pool, proxy, sql } = yield* stack({ pool: { min: 2, max: 10, acquireTimeout: 50 } })
        yield* untilPool(pool, "min sessions are open", (s) => s.open === 2)
        const dialsBefore = (yield* pool.snapshot).counters.dialsStarted
        yield* proxy.setMode(FaultMode.refuse)
        yield* proxy.cutAll("reset")
        const callers = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 20 }),
            () => Effect.forever(Effect.andThen(Effect.ignore(sql`select 1`), Effect.sleep(10))),
            { concurrency: "unbounded" }
          )
        )
        yield* Effect.sleep("60 seconds")
        const dials = (yield* pool.snapshot).counters.dialsStarted - dialsBefore
        yield* proxy.setMode(FaultMode.pass)
        const recovery = Fiber.interrupt(callers).pipe(
          Effect.andThen(untilPool(pool, "min is back", (s) => s.open >= 2))
        )
        assert.isBelow(yield* elapsed(recovery), 4000)
        assert.isAtMost(dials, 20)
        assert.isAtLeast(dials, 5)
        yield* sql`select 1`
      }),
    { ...timed, timeout: 300_000 }
  )
})
