import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Ceiling from "../../../../src/services/pool/core/Ceiling.ts"

const MAX = 10

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const happening = fc.record({
  kind: fc.constantFrom("refused" as const, "granted" as const),
  open: fc.integer({ min: 1, max: MAX }),
  later: fc.nat(100_000),
  roll: random
})

const refusedAt = (held: number, now = 0, roll = 0) =>
  Ceiling.afterRefused(Ceiling.noCeiling, held, undefined, now, roll)

describe("Ceiling", () => {
  it("is always between one and max", () => {
    fc.assert(
      fc.property(fc.array(happening), (happenings) => {
        let ceiling = Ceiling.noCeiling
        let now = 0
        for (const { kind, later, open, roll } of happenings) {
          now += later
          ceiling =
            kind === "refused"
              ? Ceiling.afterRefused(ceiling, open, undefined, now, roll)
              : Ceiling.afterOpened(ceiling, open, MAX, now)
          for (const at of [now, now + 500, now + 60_000]) {
            const limit = Ceiling.limit(ceiling, MAX, at)
            assert.isTrue(limit >= 1 && limit <= MAX, `${limit}`)
          }
          const shown = Ceiling.reported(ceiling, MAX)
          assert.isTrue(shown >= 1 && shown <= MAX, `${shown}`)
        }
      })
    )
  })

  it("is max until a dial is refused", () => {
    assert.strictEqual(Ceiling.limit(Ceiling.noCeiling, MAX, 0), MAX)
    assert.strictEqual(Ceiling.reported(Ceiling.noCeiling, MAX), MAX)
    assert.strictEqual(Ceiling.afterOpened(Ceiling.noCeiling, 3, MAX, 0), Ceiling.noCeiling)
  })

  it("is the number of open sessions when one more was refused, until one more may be tried", () => {
    const ceiling = refusedAt(5)
    assert.strictEqual(Ceiling.limit(ceiling, MAX, 499), 5)
    assert.strictEqual(Ceiling.limit(ceiling, MAX, 500), 6)
    assert.strictEqual(Ceiling.reported(ceiling, MAX), 5)
  })

  it("allows one dial without an open session", () => {
    assert.strictEqual(Ceiling.limit(refusedAt(0), MAX, 0), 1)
    assert.strictEqual(Ceiling.reported(refusedAt(0), MAX), 1)
  })

  it("doubles the interval every time, up to a minute, half of it at random", () => {
    fc.assert(
      fc.property(random, (roll) => {
        let ceiling = Ceiling.noCeiling
        for (const interval of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
          ceiling = Ceiling.afterRefused(ceiling, 5, undefined, 100, roll)
          assert.closeTo(ceiling.growAt - 100, interval / 2 + (interval / 2) * roll, 1e-6)
        }
      })
    )
  })

  it("rises with each opened session, without a pause, and is removed at max", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX - 1 }), random, (held, roll) => {
        let ceiling = refusedAt(held, 0, roll)
        let open = held
        const now = 60_000
        while (open < MAX) {
          assert.strictEqual(Ceiling.limit(ceiling, MAX, now), open + 1)
          ceiling = Ceiling.afterOpened(ceiling, ++open, MAX, now)
        }
        assert.strictEqual(ceiling, Ceiling.noCeiling)
      })
    )
  })

  it("is not raised by a replacement", () => {
    const ceiling = refusedAt(5)
    assert.strictEqual(Ceiling.afterOpened(ceiling, 5, MAX, 600), ceiling)
  })

  it("falls when fewer sessions are open at a later time, and keeps the size that the pooler named", () => {
    const named = Ceiling.afterRefused(Ceiling.noCeiling, 5, 15, 0, 0)
    const later = Ceiling.afterRefused(named, 3, undefined, 1000, 0)
    assert.strictEqual(Ceiling.limit(later, MAX, 1000), 3)
    assert.strictEqual(later.poolerSize, 15)
  })
})
