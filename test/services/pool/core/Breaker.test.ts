import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Clock from "effect/Clock"
import { authBudget } from "../../../../src/services/pool/AuthBudget.ts"
import { breakersOf } from "../../../../src/services/pool/core/Breaker.ts"
import * as Ceiling from "../../../../src/services/pool/core/Ceiling.ts"
import { SessionError } from "../../../../src/services/errors/SessionError.ts"
import * as DialBackoff from "../../../../src/services/pool/core/DialBackoff.ts"

const fail = (
  kind: "network" | "pooler" | "capacity" | "auth",
  backoff: DialBackoff.DialBackoff = DialBackoff.noBackoff,
  now = 0
) => DialBackoff.afterFailure(backoff, { class: kind, retryAfterMillis: undefined }, now, 0)

describe("the breakers", () => {
  it("are closed without failures", () => {
    const { auth, capacity, network } = breakersOf(DialBackoff.noBackoff, Ceiling.noCeiling, 0)
    assert.deepStrictEqual([network.state, capacity.state, auth.state], ["closed", "closed", "closed"])
  })

  it("open by the class of the failure, are half open when the next dial is due, and close with a success", () => {
    for (const [kind, name] of [
      ["network", "network"],
      ["pooler", "network"],
      ["capacity", "capacity"],
      ["auth", "auth"]
    ] as const) {
      const backoff = fail(kind)
      const opened = breakersOf(backoff, Ceiling.noCeiling, 0)
      assert.strictEqual(opened[name].state, "open", kind)
      assert.strictEqual(opened[name].retryInMillis, backoff.notBefore)
      assert.strictEqual(Object.values(opened).filter((breaker) => breaker.state === "closed").length, 2)
      assert.strictEqual(breakersOf(backoff, Ceiling.noCeiling, backoff.notBefore)[name].state, "half-open")
      const healed = DialBackoff.afterSuccess(backoff, backoff.notBefore)
      assert.strictEqual(breakersOf(healed, Ceiling.noCeiling, backoff.notBefore)[name].state, "closed")
    }
  })

  it("show a ceiling as the capacity breaker, open until one more may be tried", () => {
    const ceiling = Ceiling.afterRefused(Ceiling.noCeiling, 3, 5, 0, 1)
    assert.strictEqual(breakersOf(DialBackoff.noBackoff, ceiling, 0).capacity.state, "open")
    assert.strictEqual(breakersOf(DialBackoff.noBackoff, ceiling, ceiling.growAt).capacity.state, "half-open")
  })
})

describe("a pooler that drains", () => {
  it("may refuse dials for five seconds without counting, and is dialled again within a second", () => {
    const draining = DialBackoff.afterShutdown(DialBackoff.noBackoff, 1000)
    let backoff = draining
    for (let now = 1000; now < 6000; now = backoff.notBefore) {
      backoff = DialBackoff.afterFailure(backoff, { class: "pooler", retryAfterMillis: undefined }, now, 0.5)
      assert.strictEqual(backoff.failures, 0)
      assert.isAtMost(backoff.notBefore - now, 1000)
    }
    assert.strictEqual(fail("pooler", backoff, 6000).failures, 1)
  })

  it("does not excuse a wrong password", () => {
    assert.strictEqual(fail("auth", DialBackoff.afterShutdown(DialBackoff.noBackoff, 0)).failures, 1)
  })
})

const refusedLogin = SessionError.connectFailed({
  host: "host",
  port: 5432,
  elapsedMillis: 1,
  phase: "authentication",
  failure: { sqlState: "28P01", severity: "FATAL", serverMessage: "password authentication failed" }
})

describe("authentication failures", () => {
  const pool = () => {
    const received: Array<ReadonlyArray<number>> = []
    return { received, onAuthFailures: (failures: ReadonlyArray<number>) => void received.push(failures) }
  }

  it.effect("are shared with the other pools of the endpoint and role, also with those created later", () =>
    Effect.gen(function* () {
      const budget = authBudget(yield* Clock.Clock, "role@host:5432")
      const [one, other, later] = [pool(), pool(), pool()]
      budget.join(one)
      budget.join(other)
      budget.add(10, refusedLogin, one)
      budget.join(later)
      assert.deepStrictEqual([one.received, other.received, later.received], [[], [[10]], [[10]]])
    })
  )

  it.effect("are not shared between roles", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const other = pool()
      authBudget(clock, "second@host:5432").join(other)
      authBudget(clock, "first@host:5432").add(10, refusedLogin, pool())
      assert.deepStrictEqual(other.received, [])
    })
  )

  it("of other pools pause a pool as its own would", () => {
    const backoff = DialBackoff.withAuthFailures(DialBackoff.noBackoff, [0, 1000, 2000], 2000)
    assert.isFalse(DialBackoff.allowsDial(backoff, 0, 0, 181_999))
    assert.isTrue(DialBackoff.allowsDial(backoff, 0, 0, 182_001))
    assert.isTrue(
      DialBackoff.allowsDial(DialBackoff.withAuthFailures(DialBackoff.noBackoff, [0, 1000], 2000), 0, 0, 2000)
    )
  })
})
