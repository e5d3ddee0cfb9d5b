import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { makeProgress } from "../../../src/cli/doctor/Progress.ts"

const CLEAR_LINE = "\r\u001B[K"

describe("the progress line", () => {
  it.effect("shows the running check and is cleared before other output", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      const progress = yield* makeProgress((text) => written.push(text))
      yield* progress.show("dns")
      assert.include(written.join(""), "dns")
      const before = written.length
      yield* TestClock.adjust("300 millis")
      assert.isAbove(written.length, before)
      yield* progress.hide
      assert.strictEqual(written.at(-1), CLEAR_LINE)
      const hidden = written.length
      yield* TestClock.adjust("300 millis")
      assert.lengthOf(written, hidden)
    })
  )

  it.effect("is cleared when the run is interrupted", () =>
    Effect.gen(function* () {
      const written: Array<string> = []
      yield* Effect.scoped(
        Effect.flatMap(
          makeProgress((text) => written.push(text)),
          ({ show }) => show("tcp")
        )
      )
      assert.strictEqual(written.at(-1), CLEAR_LINE)
    })
  )

  it.effect("is not shown without a terminal", () =>
    Effect.gen(function* () {
      const progress = yield* makeProgress(undefined)
      yield* progress.show("dns")
      yield* progress.hide
    })
  )
})
