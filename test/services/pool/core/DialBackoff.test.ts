import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as DialBackoff from "../../../../src/services/pool/core/DialBackoff.ts"
import type { ErrorClass } from "../../../../src/services/errors/SessionError.ts"

const MINUTE = 60_000

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const dice = fc.array(random, { minLength: 1, maxLength: 40 })

interface Dial {
  readonly at: number
  readonly backoff: DialBackoff.DialBackoff
}

const fail = (
  backoff: DialBackoff.DialBackoff,
  kind: ErrorClass,
  now: number,
  roll: number,
  retryAfterMillis?: number
) => DialBackoff.afterFailure(backoff, { class: kind, retryAfterMillis }, now, roll)

/** How many dials may be in progress at once, none of them slow. */
const maxDialsAt = (backoff: DialBackoff.DialBackoff, now: number): number => {
  let count = 0
  while (DialBackoff.allowsDial(backoff, count, count, now)) count++
  return count
}

/** Dials as often and as many at once as the backoff allows; every dial fails at once. */
const outage = (kindOf: (dial: number) => ErrorClass, rolls: ReadonlyArray<number>, millis: number): Array<Dial> => {
  const dials: Array<Dial> = []
  let backoff = DialBackoff.noBackoff
  for (let now = 0; now < millis; now = backoff.notBefore) {
    const count = maxDialsAt(backoff, now)
    for (let one = 0; one < count; one++) {
      backoff = fail(backoff, kindOf(dials.length), now, rolls[dials.length % rolls.length]!)
      dials.push({ at: now, backoff })
    }
  }
  return dials
}

/** The pauses after consecutive failures of one class. */
const pauses = (kind: ErrorClass, count: number, roll: number): Array<number> => {
  let backoff = DialBackoff.noBackoff
  let now = 0
  return Array.from({ length: count }, () => {
    backoff = fail(backoff, kind, now, roll)
    const pause = backoff.notBefore - now
    now = backoff.notBefore
    return Math.round(pause)
  })
}

describe("DialBackoff", () => {
  it("dials at most 20 times in a minute of outage, and retries within 3.7 s", () => {
    fc.assert(
      fc.property(dice, (rolls) => {
        const dials = outage(() => "network", rolls, MINUTE)
        assert.isAtMost(dials.length, 20)
        for (const { at, backoff } of dials) assert.isAtMost(Math.round(backoff.notBefore - at), 3700)
      })
    )
  })

  it("dials at most 20 times in a minute when the class of the failures changes", () => {
    fc.assert(
      fc.property(
        dice,
        fc.array(fc.constantFrom("network" as const, "pooler" as const), { minLength: 1 }),
        (rolls, kinds) => {
          assert.isAtMost(outage((dial) => kinds[dial % kinds.length]!, rolls, MINUTE).length, 20)
        }
      )
    )
  })

  it("retries soon after the first two failures, for a server that restarts", () => {
    assert.deepStrictEqual(pauses("network", 4, 0), [300, 800, 3400, 3400])
    assert.deepStrictEqual(pauses("network", 3, 0.5), [400, 1000, 3550])
  })

  it("tries at most three wrong passwords in 150 s, and after the third none for 180 s", () => {
    fc.assert(
      fc.property(dice, (rolls) => {
        const times = outage(() => "auth", rolls, 30 * MINUTE).map(({ at }) => at)
        for (const [index, at] of times.entries()) {
          assert.isAtMost(times.filter((other) => other >= at && other - at < 150_000).length, 3)
          const third = index % 3 === 2
          if (third) assert.isAtLeast(Math.round((times[index + 1] ?? Number.POSITIVE_INFINITY) - at), 180_000)
        }
      })
    )
  })

  it("tries at most three wrong passwords in 150 s when other outcomes come in between", () => {
    const outcome = fc.constantFrom("auth" as const, "network" as const, "capacity" as const, "success" as const)
    fc.assert(
      fc.property(dice, fc.array(outcome, { minLength: 1, maxLength: 200 }), (rolls, outcomes) => {
        const failures: Array<number> = []
        let backoff = DialBackoff.noBackoff
        let now = 0
        let next = 0
        while (next < outcomes.length) {
          now = Math.max(now, backoff.notBefore)
          const count = maxDialsAt(backoff, now)
          for (let one = 0; one < count; one++) {
            const kind = outcomes[next % outcomes.length]!
            const roll = rolls[next++ % rolls.length]!
            if (kind === "auth") failures.push(now)
            backoff = kind === "success" ? DialBackoff.afterSuccess(backoff, now) : fail(backoff, kind, now, roll)
          }
        }
        for (const at of failures) {
          assert.isAtMost(failures.filter((other) => other >= at && other - at < 150_000).length, 3)
        }
      })
    )
  })

  it("retries a full pooler after 0.5 s to 5 s, and a wrong configuration after 30 s to 60 s", () => {
    fc.assert(
      fc.property(random, fc.integer({ min: 1, max: 50 }), (roll, count) => {
        for (const pause of pauses("capacity", count, roll)) assert.isTrue(pause >= 500 && pause <= 5000)
        for (const pause of pauses("configuration", count, roll)) assert.isTrue(pause >= 30_000 && pause <= 60_000)
      })
    )
    assert.deepStrictEqual(pauses("capacity", 2, 0), [500, 500])
    assert.deepStrictEqual(pauses("configuration", 2, 0.5), [45_000, 45_000])
  })

  it("uses the server's retry time when it is longer", () => {
    assert.strictEqual(fail(DialBackoff.noBackoff, "network", 1000, 0, 120_000).notBefore, 121_000)
    assert.strictEqual(fail(DialBackoff.noBackoff, "network", 1000, 0, 10).notBefore, 1300)
  })

  it("allows three dials at a time, but one at the start, after a failure or the loss of all sessions", () => {
    const { afterOutage, afterSuccess, initialBackoff, noBackoff } = DialBackoff
    assert.strictEqual(maxDialsAt(noBackoff, 0), 3)
    assert.strictEqual(maxDialsAt(initialBackoff, 0), 1)
    const failed = fail(noBackoff, "network", 0, 0)
    assert.strictEqual(maxDialsAt(failed, 500), 1)
    assert.strictEqual(maxDialsAt(afterSuccess(failed, 500), 500), 3)
    const afterLoss = afterOutage(noBackoff)
    assert.strictEqual(maxDialsAt(afterLoss, 0), 1)
    assert.strictEqual(afterLoss.notBefore, 0)
    assert.strictEqual(maxDialsAt(afterSuccess(afterLoss, 0), 0), 3)
  })

  it("allows fewer dials for 150 s after a wrong password, even when a dial has succeeded since", () => {
    const recovered = DialBackoff.afterSuccess(fail(DialBackoff.noBackoff, "auth", 0, 0), 1000)
    assert.deepStrictEqual(
      [1000, 149_999, 150_000].map((now) => maxDialsAt(recovered, now)),
      [2, 2, 3]
    )
    assert.strictEqual(recovered.notBefore, 0)
  })
})
