import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import fc from "fast-check"
import { Dial } from "../../../src/testing/ScriptedSessions.ts"
import { hold, type Scenario, withPool } from "./PoolScenario.ts"

/** No caller holds or waits for a session, and a session can be acquired. */
const assertNothingLeft = ({ pool }: Scenario) =>
  Effect.gen(function* () {
    const { closing, connecting, used, waiting } = yield* pool.snapshot
    assert.deepStrictEqual({ closing, connecting, used, waiting }, { closing: 0, connecting: 0, used: 0, waiting: 0 })
    const acquiring = yield* Effect.forkChild(
      pool.use(() => Effect.succeed("acquired")),
      { startImmediately: true }
    )
    yield* TestClock.adjust(10_000)
    assert.strictEqual(yield* Fiber.join(acquiring), "acquired")
  })

interface Caller {
  readonly scoped: boolean
  readonly query: boolean
  /** When the caller starts, and how long after that it is interrupted. */
  readonly startsAt: number
  readonly interruptedAfter: number
}

const caller: fc.Arbitrary<Caller> = fc.record({
  scoped: fc.boolean(),
  query: fc.boolean(),
  startsAt: fc.integer({ min: 0, max: 40 }),
  interruptedAfter: fc.integer({ min: 0, max: 60 })
})

const runCaller = ({ pool }: Scenario, { query, scoped }: Caller) => {
  const work = (session: Effect.Success<typeof pool.get>) =>
    query ? Effect.asVoid(session.executeRaw("select slow", [])) : Effect.sleep(7)
  return scoped ? Effect.scoped(Effect.flatMap(pool.get, work)) : pool.use(work)
}

describe("an interruption", () => {
  it.effect("at the instant of the hand-off does not lose the session", () =>
    withPool({}, { pool: { max: 1 } }, (scenario) =>
      Effect.gen(function* () {
        for (let round = 0; round < 100; round++) {
          const holder = yield* hold(scenario.pool)
          const first = yield* hold(scenario.pool)
          const second = yield* hold(scenario.pool)
          if (round % 2 === 0) {
            yield* holder.release
            first.fiber.interruptUnsafe()
          } else {
            first.fiber.interruptUnsafe()
            yield* holder.release
          }
          yield* Fiber.await(first.fiber)
          assert.strictEqual(second.lease()?.info.id, 1)
          yield* second.release
        }
        yield* assertNothingLeft(scenario)
      })
    )
  )

  it.effect("of a scoped caller at that instant does not lose it, either", () =>
    withPool({}, { pool: { max: 1 } }, (scenario) =>
      Effect.gen(function* () {
        for (let round = 0; round < 100; round++) {
          const holder = yield* hold(scenario.pool)
          const waiter = yield* Effect.forkChild(Effect.scoped(Effect.andThen(scenario.pool.get, Effect.never)), {
            startImmediately: true
          })
          yield* holder.release
          waiter.interruptUnsafe()
          yield* Fiber.await(waiter)
          assert.strictEqual((yield* scenario.pool.snapshot).used, 0)
        }
        yield* assertNothingLeft(scenario)
      })
    )
  )

  it("at any point leaves no lease behind", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(caller, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 0, max: 15 }),
        (callers, max, dialMillis) =>
          withPool(
            {
              statements: { "select slow": Effect.delay(Effect.succeed([]), 9) },
              dials: (number) => (number % 4 === 0 ? Dial.fails("network", dialMillis) : Dial.succeeds(dialMillis)),
              session: { settleMillis: 3, closeMillis: 2 }
            },
            { pool: { max, acquireTimeout: 500 } },
            (scenario) =>
              Effect.gen(function* () {
                const fibers = yield* Effect.forEach(callers, (one) =>
                  Effect.forkChild(
                    Effect.gen(function* () {
                      yield* Effect.sleep(one.startsAt)
                      const fiber = yield* Effect.forkChild(runCaller(scenario, one), { startImmediately: true })
                      if (one.interruptedAfter > 0) yield* Effect.sleep(one.interruptedAfter)
                      fiber.interruptUnsafe()
                      yield* Fiber.await(fiber)
                    })
                  )
                )
                yield* TestClock.adjust(10_000)
                for (const fiber of fibers) yield* Fiber.join(fiber)
                yield* assertNothingLeft(scenario)
              })
          ).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)
      ),
      { numRuns: 1000 }
    ))
})
