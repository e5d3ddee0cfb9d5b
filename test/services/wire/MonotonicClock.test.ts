import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { monotonicMillis } from "../../../src/services/wire/MonotonicClock.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

describe("monotonic time", () => {
  it.live("of the live clock is read without a bigint", () =>
    Effect.gen(function* () {
      const now = monotonicMillis(yield* Clock.Clock)
      vi.spyOn(performance, "now").mockReturnValue(42)
      assert.strictEqual(now(), 42)
    })
  )

  it.effect("of a test's clock is the test's", () =>
    Effect.gen(function* () {
      const now = monotonicMillis(yield* Clock.Clock)
      const before = now()
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(now() - before, 3000)
    })
  )
})
