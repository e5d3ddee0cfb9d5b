import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Dial, type DialFailureClass } from "../../../src/testing/ScriptedSessions.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { pass, withPool } from "./PoolScenario.ts"

type Startup = NonNullable<SettingsInput["startup"]>

/** Whether the layer stood when the first dial failed so. */
const stands = (startup: Startup, failure: DialFailureClass) =>
  withPool({ dials: Dial.fails(failure) }, { startup, pool: { min: 1, max: 2 } }, () => Effect.succeed(true)).pipe(
    Effect.catch((error) => Effect.succeed(error.class))
  )

const outcomes = (startup: Startup) =>
  Effect.all({
    auth: stands(startup, "auth"),
    configuration: stands(startup, "configuration"),
    network: stands(startup, "network"),
    capacity: stands(startup, "capacity"),
    pooler: stands(startup, "pooler")
  })

describe("the start", () => {
  it.effect("when tolerant fails for what does not pass by itself and goes on for the rest", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("tolerant"), {
        auth: "auth",
        configuration: "configuration",
        network: true,
        capacity: true,
        pooler: true
      })
    })
  )

  it.effect("when failing fast fails for anything", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("fail-fast"), {
        auth: "auth",
        configuration: "configuration",
        network: "network",
        capacity: "capacity",
        pooler: "pooler"
      })
    })
  )

  it.effect("when lazy fails for nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("lazy"), {
        auth: true,
        configuration: true,
        network: true,
        capacity: true,
        pooler: true
      })
    })
  )

  it.effect("opens one session to prove that one can be had, unless it is lazy", () =>
    Effect.gen(function* () {
      const dials = (startup: Startup) =>
        withPool({}, { startup, pool: { min: 0, max: 2 } }, ({ server }) =>
          Effect.as(TestClock.adjust(0), server.dialsStarted.length)
        )
      assert.strictEqual(yield* dials("tolerant"), 1)
      assert.strictEqual(yield* dials("fail-fast"), 1)
      assert.strictEqual(yield* dials("lazy"), 0)
    })
  )

  it.effect("goes on trying after a failure that was tolerated, and says from when it lends", () =>
    withPool(
      { dials: (number) => (number <= 2 ? Dial.fails("network") : Dial.succeeds()) },
      { startup: "tolerant", pool: { min: 2, max: 2 } },
      (scenario) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* scenario.pool.snapshot).phase, "starting")
          yield* pass(scenario, 3000, 100)
          const { idle, phase } = yield* scenario.pool.snapshot
          assert.deepStrictEqual({ idle, phase }, { idle: 2, phase: "open" })
        })
    )
  )
})
