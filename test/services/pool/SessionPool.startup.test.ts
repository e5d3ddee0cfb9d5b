import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { Dial, type DialFailureClass } from "../../../src/testing/ScriptedSessions.ts"
import type { SettingsInput } from "../../../src/services/config/SessionConfig.ts"
import { advance, withPool } from "./PoolScenario.ts"

type Startup = NonNullable<SettingsInput["startup"]>

/** Whether the layer is built when the first dial fails in this way. */
const isBuilt = (startup: Startup, failure: DialFailureClass) =>
  withPool({ dials: Dial.fails(failure) }, { startup, pool: { min: 1, max: 2 } }, () => Effect.succeed(true)).pipe(
    Effect.catch((error) => Effect.succeed(error.class))
  )

const outcomes = (startup: Startup) =>
  Effect.all({
    auth: isBuilt(startup, "auth"),
    configuration: isBuilt(startup, "configuration"),
    network: isBuilt(startup, "network"),
    capacity: isBuilt(startup, "capacity"),
    pooler: isBuilt(startup, "pooler")
  })

describe("the start", () => {
  it.effect("with tolerant fails on permanent errors only", () =>
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

  it.effect("with fail-fast fails on any error", () =>
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

  it.effect("with lazy never fails", () =>
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

  it.effect("opens one session to verify that it is possible, unless lazy", () =>
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

  it.effect("goes on dialling after a tolerated failure, and reports when it is open", () =>
    withPool(
      { dials: (number) => (number <= 2 ? Dial.fails("network") : Dial.succeeds()) },
      { startup: "tolerant", pool: { min: 2, max: 2 } },
      (scenario) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* scenario.pool.snapshot).phase, "starting")
          yield* advance(scenario, 3000, 100)
          const { idle, phase } = yield* scenario.pool.snapshot
          assert.deepStrictEqual({ idle, phase }, { idle: 2, phase: "open" })
        })
    )
  )
})
