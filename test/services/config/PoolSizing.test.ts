import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as PoolSizing from "../../../src/services/config/PoolSizing.ts"

const operations = fc.integer({ min: 1, max: 1_000_000 })
const maybe = <A>(arbitrary: fc.Arbitrary<A>) => fc.option(arbitrary, { nil: undefined })

const input: fc.Arbitrary<PoolSizing.SizingInput> = fc.record({
  agentSize: maybe(fc.constantFrom("small" as const, "medium" as const, "large" as const)),
  concurrentOperations: maybe(fc.integer({ min: 1, max: 500 })),
  min: maybe(fc.integer({ min: 0, max: 100 })),
  max: maybe(fc.integer({ min: 1, max: 100 })),
  poolerSize: maybe(fc.integer({ min: 1, max: 200 })),
  tier: maybe(fc.constantFrom(...PoolSizing.tiers.map((row) => row.tier))),
  processes: maybe(fc.integer({ min: 1, max: 20 }))
})

describe("PoolSizing", () => {
  it("gives each class of agents its documented numbers", () => {
    const numbers = (["small", "medium", "large"] as const).map((size) => {
      const { max, min } = PoolSizing.forAgent(size)
      return [min, max]
    })
    assert.deepStrictEqual(numbers, [
      [2, 5],
      [5, 15],
      [10, 30]
    ])
  })

  it("adds 20 % to the concurrent operations and rounds up, exactly", () => {
    const maxima = [1, 4, 5, 6, 10, 15, 16, 25, 30, 35].map((count) => PoolSizing.forOperations(count).max)
    assert.deepStrictEqual(maxima, [2, 5, 6, 8, 12, 18, 20, 30, 36, 42])
  })

  it("equals the formula computed with integers, for any number of operations", () => {
    fc.assert(
      fc.property(operations, (count) => {
        const exact = (BigInt(count) * 12n + 9n) / 10n
        assert.strictEqual(BigInt(PoolSizing.forOperations(count).max), exact)
      })
    )
  })

  it("takes min from the class the operations fall in, an edge belonging to the smaller class", () => {
    const minima = [1, 5, 6, 15, 16, 30, 100].map((count) => PoolSizing.forOperations(count).min)
    assert.deepStrictEqual(minima, [2, 2, 5, 5, 10, 10, 10])
  })

  it("never shrinks when the operations grow, and never has min above max", () => {
    fc.assert(
      fc.property(operations, operations, (one, other) => {
        const fewer = PoolSizing.forOperations(Math.min(one, other))
        const more = PoolSizing.forOperations(Math.max(one, other))
        assert.isAtMost(fewer.min, more.min)
        assert.isAtMost(fewer.max, more.max)
        assert.isAtMost(more.min, more.max)
      })
    )
  })

  it("counts an impossible number as the nearest number of operations, with a warning", () => {
    for (const [given, max] of [
      [0, 2],
      [-3, 2],
      [Number.NaN, 2],
      [4.2, 6]
    ] as const) {
      const sizing = PoolSizing.forOperations(given)
      assert.strictEqual(sizing.max, max)
      assert.match(sizing.warnings[0] ?? "", /were counted as/)
    }
    assert.isTrue(Number.isSafeInteger(PoolSizing.forOperations(Infinity).max))
  })

  it("lets explicit numbers win over operations, operations over the size, and defaults to small", () => {
    const all = { agentSize: "large", concurrentOperations: 10, min: 3, max: 4 } as const
    const both = PoolSizing.resolve(all)
    assert.deepStrictEqual([both.min, both.max], [3, 4])
    const derived = PoolSizing.resolve({ agentSize: "large", concurrentOperations: 10 })
    assert.deepStrictEqual([derived.min, derived.max], [5, 12])
    const none = PoolSizing.resolve({})
    assert.deepStrictEqual([none.min, none.max], [2, 5])
  })

  it("adapts a derived number to an explicit one", () => {
    const low = PoolSizing.resolve({ max: 1 })
    assert.deepStrictEqual([low.min, low.max], [1, 1])
    const high = PoolSizing.resolve({ min: 8 })
    assert.deepStrictEqual([high.min, high.max], [8, 8])
  })

  it("never returns min above max unless both were set so, and then warns", () => {
    fc.assert(
      fc.property(input, (given) => {
        const sizing = PoolSizing.resolve(given)
        if (given.min !== undefined) assert.strictEqual(sizing.min, given.min)
        if (given.max !== undefined) assert.strictEqual(sizing.max, given.max)
        const isContradictory = given.min !== undefined && given.max !== undefined && given.min > given.max
        assert.strictEqual(sizing.min > sizing.max, isContradictory)
        assert.strictEqual(
          sizing.warnings.some((warning) => warning.includes("is above max")),
          isContradictory
        )
        assert.isAbove(sizing.reasoning.length, 0)
      })
    )
  })

  it("warns exactly when all processes together open more sessions than the pooler grants", () => {
    fc.assert(
      fc.property(input, (given) => {
        const sizing = PoolSizing.resolve(given)
        const tier = PoolSizing.tiers.find((row) => row.tier === given.tier)
        const granted = given.poolerSize ?? tier?.defaultPoolSize ?? PoolSizing.defaultPoolerSize
        const warns = sizing.warnings.some((warning) => warning.includes("the pooler grants to one role"))
        assert.strictEqual(warns, sizing.max * (given.processes ?? 1) > granted)
      })
    )
  })

  it("names the max that would fit", () => {
    const large = PoolSizing.forAgent("large").warnings[0] ?? ""
    assert.match(large, /max 30 is more than the 15 sessions.*Set max to 15 or less/)
    assert.deepStrictEqual(PoolSizing.forAgent("medium").warnings, [])
    const shared = PoolSizing.resolve({ agentSize: "small", processes: 4 })
    assert.match(shared.warnings[0] ?? "", /max 5 in 4 processes, 20 sessions in all,.*Set max to 3 or less/)
    const crowd = PoolSizing.resolve({ agentSize: "small", processes: 20, tier: "nano" })
    assert.match(crowd.warnings[0] ?? "", /Run at most 15 processes/)
    assert.match(crowd.warnings[1] ?? "", /Even min 2 in every process, 40 sessions in all/)
    assert.match(crowd.warnings[2] ?? "", /more than the 60 connections of the nano compute size/)
  })

  it("takes the pool size of the compute size, and an explicit one before it", () => {
    assert.deepStrictEqual(PoolSizing.resolve({ max: 32, tier: "4xl" }).warnings, [])
    assert.strictEqual(PoolSizing.resolve({ max: 33, tier: "4xl" }).warnings.length, 1)
    assert.strictEqual(PoolSizing.resolve({ max: 32, tier: "4xl", poolerSize: 20 }).warnings.length, 1)
  })

  it("explains how the numbers were derived", () => {
    assert.deepStrictEqual(PoolSizing.forOperations(10).reasoning, [
      "10 concurrent operations and a buffer of 20 % give max 12; min 5 is that of a medium agent."
    ])
    assert.deepStrictEqual(PoolSizing.resolve({ min: 1, max: 2 }).reasoning, [
      "max 2 was set explicitly.",
      "min 1 was set explicitly."
    ])
  })

  it("grants no larger compute size less than a smaller one", () => {
    for (const [index, row] of PoolSizing.tiers.slice(1).entries()) {
      const smaller = PoolSizing.tiers[index]
      assert.isAtLeast(row.maxConnections, smaller?.maxConnections ?? 0)
      assert.isAtLeast(row.poolerMaxClients, smaller?.poolerMaxClients ?? 0)
      assert.isAtLeast(row.defaultPoolSize, smaller?.defaultPoolSize ?? 0)
    }
    assert.strictEqual(PoolSizing.tiers.length, 11)
  })
})
