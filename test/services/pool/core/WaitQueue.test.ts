import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type WaiterNode, WaitQueue } from "../../../../src/services/pool/core/WaitQueue.ts"
import { processorTime } from "../../../Timing.ts"

class Waiter implements WaiterNode<Waiter> {
  previous: Waiter | undefined = undefined
  next: Waiter | undefined = undefined
  readonly deadline: number
  readonly enqueuedAt = 0

  constructor(deadline: number) {
    this.deadline = deadline
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("push" as const), value: fc.nat(100) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("shift" as const, "remove" as const), value: fc.nat(100) })
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("expire" as const), value: fc.nat(100) }) }
)

const inOrder = (waiters: WaitQueue<Waiter>): Array<Waiter> => {
  const order: Array<Waiter> = []
  for (let waiter = waiters.first; waiter !== undefined; waiter = waiter.next) {
    assert.strictEqual(waiter.previous, order.at(-1), "the links lead back as they lead on")
    order.push(waiter)
  }
  return order
}

const fill = (count: number): readonly [WaitQueue<Waiter>, Array<Waiter>] => {
  const waiters = new WaitQueue<Waiter>()
  const all = Array.from({ length: count }, () => new Waiter(1))
  for (const waiter of all) waiters.push(waiter)
  return [waiters, all]
}

describe("WaitQueue", () => {
  it("behaves like an array with first in, first out, and removal anywhere", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const waiters = new WaitQueue<Waiter>()
        let model: Array<Waiter> = []
        for (const { kind, value } of steps) {
          const picked = model[value % Math.max(1, model.length)]
          if (kind === "push") {
            const waiter = new Waiter(value)
            waiters.push(waiter)
            model.push(waiter)
          } else if (kind === "shift") {
            assert.strictEqual(waiters.shift(), model.shift())
          } else if (kind === "remove") {
            if (picked === undefined) continue
            waiters.remove(picked)
            model = model.filter((waiter) => waiter !== picked)
            assert.deepStrictEqual([picked.previous, picked.next], [undefined, undefined])
          } else {
            const expired: Array<Waiter> = []
            const earliest = waiters.expire(value, (waiter) => expired.push(waiter))
            assert.deepStrictEqual(
              expired,
              model.filter((waiter) => waiter.deadline <= value)
            )
            model = model.filter((waiter) => waiter.deadline > value)
            assert.strictEqual(earliest, Math.min(...model.map((waiter) => waiter.deadline)))
          }
          assert.deepStrictEqual(inOrder(waiters), model)
          assert.strictEqual(waiters.size, model.length)
          assert.strictEqual(waiters.first, model[0])
        }
      })
    )
  })

  it("removes from the middle without walking the queue", () => {
    const [waiters, all] = fill(1000)
    const middle = all[500]!
    const adjacent = new Set([all[499], middle, all[501]])
    for (const waiter of all) {
      if (adjacent.has(waiter)) continue
      Object.defineProperty(waiter, "next", { get: () => assert.fail("the queue was walked") })
      Object.defineProperty(waiter, "previous", { get: () => assert.fail("the queue was walked") })
    }
    waiters.remove(middle)
    assert.strictEqual(waiters.size, 999)
  })

  it("removes 20 000 waiters in the worst order within a second", () => {
    const [waiters, all] = fill(20_000)
    const millis = processorTime(() => {
      for (const waiter of all.toReversed()) waiters.remove(waiter)
    })
    assert.isBelow(millis, 1000)
    assert.strictEqual(waiters.size, 0)
    assert.isUndefined(waiters.first)
  })
})
