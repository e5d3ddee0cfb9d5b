import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { constants } from "node:os"
import { SAME_REQUEST_MILLIS, Signals, stopSignals } from "../../src/cli/Signals.ts"

const watched = () => {
  const exits: Array<number> = []
  const clock = { now: 0 }
  const signals = new Signals({ exit: (code) => exits.push(code), now: () => clock.now })
  return { clock, exits, signals }
}

describe("Signals", () => {
  it("exits with 0 while nothing that needs a shutdown has been started", () => {
    const { exits, signals } = watched()
    signals.receive("SIGTERM")
    assert.deepStrictEqual(exits, [0])
  })

  it("calls the program's stop once and keeps the signal", () => {
    const { clock, exits, signals } = watched()
    let stops = 0
    signals.handOver(() => stops++)
    assert.isUndefined(signals.requested)
    signals.receive("SIGHUP")
    clock.now = SAME_REQUEST_MILLIS - 1
    signals.receive("SIGHUP")
    assert.deepStrictEqual([stops, exits, signals.requested], [1, [], "SIGHUP"])
  })

  it("ends with 128 plus the number of the second signal, if it differs from the first or comes later", () => {
    const signal = fc.constantFrom(...stopSignals)
    fc.assert(
      fc.property(signal, signal, fc.nat({ max: 2 * SAME_REQUEST_MILLIS }), (first, second, after) => {
        const { clock, exits, signals } = watched()
        signals.handOver(() => {})
        signals.receive(first)
        clock.now = after
        signals.receive(second)
        const isSameRequest = first === second && after < SAME_REQUEST_MILLIS
        assert.deepStrictEqual(exits, isSameRequest ? [] : [128 + constants.signals[second]])
      })
    )
  })
})
