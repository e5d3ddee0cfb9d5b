import { assert, describe, it } from "@effect/vitest"
import { AuthBreaker, loginLimits } from "../../../../src/services/embedded/fake-supavisor/AuthBreaker.ts"
import { PoolerClock } from "../../../../src/services/embedded/fake-supavisor/PoolerClock.ts"

/** A clock that moves only when a test moves it. */
class HandClock extends PoolerClock {
  millis = 1_000_000

  constructor() {
    super(1)
  }

  override now(): number {
    return this.millis
  }
}

const failures = (breaker: AuthBreaker, count: number) => {
  for (let n = 0; n < count; n++) breaker.fail("ref 127.0.0.1")
}

describe("AuthBreaker", () => {
  it("blocks one address of one tenant at the tenth failure, for 120 seconds", () => {
    const clock = new HandClock()
    const breaker = new AuthBreaker(loginLimits, clock)
    failures(breaker, 9)
    assert.isFalse(breaker.isBlocked("ref 127.0.0.1"))
    failures(breaker, 1)
    assert.isTrue(breaker.isBlocked("ref 127.0.0.1"))
    assert.isFalse(breaker.isBlocked("ref 127.0.0.2"))
    clock.millis += 119_999
    assert.isTrue(breaker.isBlocked("ref 127.0.0.1"))
    clock.millis += 1
    assert.isFalse(breaker.isBlocked("ref 127.0.0.1"))
  })

  it("blocks again at one failure until about 170 seconds after a burst, and not after that", () => {
    const blocksAt = (millis: number): boolean => {
      const clock = new HandClock()
      const breaker = new AuthBreaker(loginLimits, clock)
      failures(breaker, 10)
      clock.millis += millis
      failures(breaker, 1)
      return breaker.isBlocked("ref 127.0.0.1")
    }
    assert.deepStrictEqual([121_000, 149_000, 165_000, 172_000, 180_000, 400_000].map(blocksAt), [
      true,
      true,
      true,
      true,
      false,
      false
    ])
  })

  it("never blocks what fails every 20 seconds", () => {
    const clock = new HandClock()
    const breaker = new AuthBreaker(loginLimits, clock)
    for (let n = 0; n < 100; n++) {
      failures(breaker, 1)
      assert.isFalse(breaker.isBlocked("ref 127.0.0.1"))
      clock.millis += 20_000
    }
  })
})
