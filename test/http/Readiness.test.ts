import { assert, describe, it } from "@effect/vitest"
import { brief, readinessOf, startupOf, verbose } from "../../src/http/Routes.ts"
import { healthFixture, refused } from "./HealthFixture.ts"

describe("Readiness", () => {
  it("is given while the pool is up", () => {
    const readiness = readinessOf(healthFixture())
    assert.isTrue(readiness.ready)
    assert.strictEqual(brief(readiness), "ok")
  })

  it("is given to a degraded pool, with what limits it", () => {
    const readiness = readinessOf(healthFixture({ state: { _tag: "Degraded", causes: ["saturated", "ceiling"] } }))
    assert.isTrue(readiness.ready)
    assert.strictEqual(
      brief(readiness),
      "ok, degraded: all available sessions are in use; the server grants fewer sessions than the pool may open"
    )
  })

  it("is refused while the pool starts, is down or drains, with the reason", () => {
    const states = [
      { _tag: "Starting" } as const,
      { _tag: "Down", reason: refused } as const,
      { _tag: "Draining" } as const
    ]
    const readiness = states.map((state) => readinessOf(healthFixture({ state })))
    assert.deepStrictEqual(
      readiness.map(({ ready }) => ready),
      [false, false, false]
    )
    assert.deepStrictEqual(readiness.map(brief), [
      "not ready: the pool is starting",
      "not ready: the connection was refused",
      "not ready: the pool is draining"
    ])
  })

  it("lists every check in Kubernetes' manner", () => {
    const down = readinessOf(healthFixture({ state: { _tag: "Down", reason: refused } }))
    assert.strictEqual(
      verbose("readyz", down),
      "[+]pool ok\n[-]database failed: the connection was refused\n" +
        "[+]sessions ok\n[+]latency ok\n[+]ceiling ok\n[+]dials ok\nreadyz check failed\n"
    )
    const slow = readinessOf(healthFixture({ state: { _tag: "Degraded", causes: ["slow", "breaker"] } }))
    assert.strictEqual(
      verbose("readyz", slow),
      "[+]pool ok\n[+]database ok\n[+]sessions ok\n[+]latency ok, degraded: the server answers slowly\n" +
        "[+]ceiling ok\n[+]dials ok, degraded: new sessions cannot be opened at the moment\nreadyz check passed\n"
    )
  })
})

describe("The start", () => {
  it("is over with the first session, and stays so when the pool goes down or drains", () => {
    assert.strictEqual(
      brief(startupOf(healthFixture({ started: false, state: { _tag: "Starting" } }))),
      "not ready: no session was opened yet"
    )
    assert.strictEqual(
      brief(startupOf(healthFixture({ started: false, state: { _tag: "Down", reason: refused } }))),
      "not ready: the connection was refused"
    )
    for (const state of [{ _tag: "Down", reason: refused } as const, { _tag: "Draining" } as const]) {
      assert.isTrue(startupOf(healthFixture({ state })).ready)
    }
  })
})
