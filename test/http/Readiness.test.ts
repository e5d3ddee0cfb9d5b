import { assert, describe, it } from "@effect/vitest"
import { brief, readinessOf, verbose } from "../../src/http/Readiness.ts"
import { poolPicture } from "./PoolPicture.ts"

describe("Readiness", () => {
  it("is given while the pool is open and has a session", () => {
    const readiness = readinessOf(poolPicture({ open: 1 }))
    assert.isTrue(readiness.ready)
    assert.strictEqual(brief(readiness), "ok")
  })

  it("is refused with the phase as the reason in every other phase", () => {
    const reasons = (["starting", "draining", "closed"] as const).map((phase) =>
      brief(readinessOf(poolPicture({ phase })))
    )
    assert.deepStrictEqual(reasons, [
      "not ready: the pool is starting",
      "not ready: the pool is draining",
      "not ready: the pool is closed"
    ])
  })

  it("is refused with the last failure as the reason while no session is open", () => {
    const lastFailure = { atMillis: 0, code: "ECONNREFUSED", message: "nothing accepts connections there" }
    const readiness = readinessOf(poolPicture({ open: 0, lastFailure }))
    assert.isFalse(readiness.ready)
    assert.strictEqual(brief(readiness), "not ready: no session is open: nothing accepts connections there")
  })

  it("lists every check in Kubernetes' manner", () => {
    const { checks } = readinessOf(poolPicture({ open: 0 }))
    assert.strictEqual(
      verbose("readyz", checks),
      "[+]pool ok\n[-]sessions failed: no session is open\nreadyz check failed\n"
    )
  })
})
