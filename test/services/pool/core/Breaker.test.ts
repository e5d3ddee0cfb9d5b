import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Clock from "effect/Clock"
import { authBudget } from "../../../../src/services/pool/AuthBudget.ts"
import { breakersOf } from "../../../../src/services/pool/core/Breaker.ts"
import * as Ceiling from "../../../../src/services/pool/core/Ceiling.ts"
import * as DialGate from "../../../../src/services/pool/core/DialBackoff.ts"

const fail = (
  kind: "network" | "pooler" | "capacity" | "auth",
  gate: DialGate.DialBackoff = DialGate.openGate,
  now = 0
) => DialGate.afterFailure(gate, { class: kind, retryAfterMillis: undefined }, now, 0)

describe("the breakers", () => {
  it("are closed while all goes well", () => {
    const { auth, capacity, network } = breakersOf(DialGate.openGate, Ceiling.noCeiling, 0)
    assert.deepStrictEqual([network.state, capacity.state, auth.state], ["closed", "closed", "closed"])
  })

  it("open by the class of the failure, are half open when the next dial is due, and close with a success", () => {
    for (const [kind, name] of [
      ["network", "network"],
      ["pooler", "network"],
      ["capacity", "capacity"],
      ["auth", "auth"]
    ] as const) {
      const gate = fail(kind)
      const opened = breakersOf(gate, Ceiling.noCeiling, 0)
      assert.strictEqual(opened[name].state, "open", kind)
      assert.strictEqual(opened[name].retryInMillis, gate.notBefore)
      assert.strictEqual(Object.values(opened).filter((breaker) => breaker.state === "closed").length, 2)
      assert.strictEqual(breakersOf(gate, Ceiling.noCeiling, gate.notBefore)[name].state, "half-open")
      const healed = DialGate.afterSuccess(gate, gate.notBefore)
      assert.strictEqual(breakersOf(healed, Ceiling.noCeiling, gate.notBefore)[name].state, "closed")
    }
  })

  it("show a learned ceiling as the capacity breaker, open until one more may be tried", () => {
    const ceiling = Ceiling.afterRefusal(Ceiling.noCeiling, 3, 5, 0, 1)
    assert.strictEqual(breakersOf(DialGate.openGate, ceiling, 0).capacity.state, "open")
    assert.strictEqual(breakersOf(DialGate.openGate, ceiling, ceiling.growAt).capacity.state, "half-open")
  })
})

describe("a pooler that drains", () => {
  it("may refuse for five seconds without being counted, and is asked again within a second", () => {
    const draining = DialGate.afterShutdown(DialGate.openGate, 1000)
    let gate = draining
    for (let now = 1000; now < 6000; now = gate.notBefore) {
      gate = DialGate.afterFailure(gate, { class: "pooler", retryAfterMillis: undefined }, now, 0.5)
      assert.strictEqual(gate.failures, 0)
      assert.isAtMost(gate.notBefore - now, 1000)
    }
    assert.strictEqual(fail("pooler", gate, 6000).failures, 1)
  })

  it("is no excuse for a wrong password", () => {
    assert.strictEqual(fail("auth", DialGate.afterShutdown(DialGate.openGate, 0)).failures, 1)
  })
})

describe("authentication failures", () => {
  const pool = () => {
    const heard: Array<ReadonlyArray<number>> = []
    return { heard, informAuthFailures: (failures: ReadonlyArray<number>) => void heard.push(failures) }
  }

  it.effect("are told to the other pools of the endpoint and role, and to those that come later", () =>
    Effect.gen(function* () {
      const budget = authBudget(yield* Clock.Clock, "role@host:5432")
      const [one, other, later] = [pool(), pool(), pool()]
      budget.join(one)
      budget.join(other)
      budget.failed(10, one)
      budget.join(later)
      assert.deepStrictEqual([one.heard, other.heard, later.heard], [[], [[10]], [[10]]])
    })
  )

  it.effect("of another role are another matter", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const other = pool()
      authBudget(clock, "second@host:5432").join(other)
      authBudget(clock, "first@host:5432").failed(10, pool())
      assert.deepStrictEqual(other.heard, [])
    })
  )

  it("of three pools pause the fourth as if they were its own", () => {
    const gate = DialGate.informed(DialGate.openGate, [0, 1000, 2000], 2000)
    assert.isFalse(DialGate.admits(gate, 0, 0, 181_999))
    assert.isTrue(DialGate.admits(gate, 0, 0, 182_001))
    assert.isTrue(DialGate.admits(DialGate.informed(DialGate.openGate, [0, 1000], 2000), 0, 0, 2000))
  })
})
