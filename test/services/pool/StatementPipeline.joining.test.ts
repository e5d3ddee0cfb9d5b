import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Scenario } from "./PoolScenario.ts"
import { withPool } from "./PoolScenario.ts"
import { call, callMany, makeQuick, advance, pipelined, QUICK, turn } from "./PipelinedPool.ts"

/** Answered after five milliseconds. */
const FIVE = "select five"

/** Statements run so far on each session. */
const bySession = ({ server }: Scenario, text: string) => {
  const counts: Record<number, number> = {}
  for (const { sessionId, sql } of server.statements) {
    if (sql === text) counts[sessionId] = (counts[sessionId] ?? 0) + 1
  }
  return counts
}

describe("a new statement joins a busy session", () => {
  it.effect("as long as there is room, and uses another session after that", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        for (let caller = 0; caller < 5; caller++) {
          yield* call(pool)
          yield* turn
        }
        assert.deepStrictEqual(bySession(scenario, QUICK), { 1: 1 + 4, 2: 1 })
        yield* answers.answer(5)
      })
    )
  )

  it.effect("with the lowest load, so that a stalled one gets no more", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        yield* callMany(pool, 5)
        yield* turn
        assert.deepStrictEqual(bySession(scenario, QUICK), { 1: 1 + 4, 2: 1 })
        yield* answers.answer(1)
        for (let caller = 0; caller < 2; caller++) {
          yield* call(pool)
          yield* turn
        }
        assert.deepStrictEqual(bySession(scenario, QUICK), { 1: 1 + 4, 2: 1 + 2 })
        yield* answers.answer(6)
      })
    )
  )

  it.effect("unless another caller waits for a session, which then gets it", () =>
    pipelined({ max: 1 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        yield* call(pool)
        yield* turn
        const held = Deferred.makeUnsafe<void>()
        const exclusive = yield* Effect.forkDetach(
          pool.use(() => Effect.as(Deferred.await(held), "exclusive")),
          { startImmediately: true }
        )
        const late = yield* call(pool)
        yield* turn
        assert.deepStrictEqual(bySession(scenario, QUICK), { 1: 1 + 1 })
        yield* answers.answer(1)
        assert.strictEqual(late.exit(), undefined)
        Deferred.doneUnsafe(held, Effect.void)
        yield* turn
        assert.isDefined(exclusive.pollUnsafe())
        yield* answers.answer(1)
        assert.strictEqual(late.exit()?._tag, "Success")
      })
    )
  )

  it.effect("unless the statements before it are expected to take more than ten milliseconds", () =>
    pipelined({ max: 3, pipeline: 32 }, (scenario) =>
      Effect.gen(function* () {
        const { pool } = scenario
        yield* Effect.forkDetach(makeQuick(pool, FIVE), { startImmediately: true })
        yield* advance(5)
        yield* callMany(pool, 1, FIVE)
        yield* turn
        for (let caller = 0; caller < 2; caller++) {
          yield* call(pool, FIVE, { isShared: true })
          yield* turn
        }
        assert.deepStrictEqual(bySession(scenario, FIVE), { 1: 1 + 2, 2: 1 })
        yield* advance(5)
      })
    )
  )

  it.effect("unless that session has stalled", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        yield* call(pool)
        yield* advance(6)
        yield* call(pool)
        yield* turn
        assert.deepStrictEqual(bySession(scenario, QUICK), { 1: 1 + 1, 2: 1 })
        yield* answers.answer(2)
      })
    )
  )

  it.effect("for a second at most, so that the session is released and can be checked", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        yield* callMany(pool, 2)
        yield* turn
        for (let millis = 0; millis < 1000; millis += 4) {
          yield* advance(4)
          yield* answers.answer(1)
          yield* call(pool)
          yield* turn
        }
        assert.deepStrictEqual(Object.keys(bySession(scenario, QUICK)), ["1"])
        yield* advance(4)
        yield* answers.answer(1)
        yield* call(pool)
        yield* turn
        assert.deepStrictEqual(bySession(scenario, QUICK)[2], 1)
        yield* answers.answer(2)
      })
    )
  )
})

/** The round trip to a server in another region, in milliseconds. */
const FAR = 50

describe("on a slow network", () => {
  it.effect("statements that are quick on the server go on sharing, also when their results arrive together", () =>
    withPool(
      { statements: [[QUICK, []]], session: { roundTripMillis: FAR } },
      { pool: { pipeline: 8, max: 3 } },
      (scenario) =>
        Effect.gen(function* () {
          const { pool } = scenario
          yield* Effect.forkDetach(makeQuick(pool, QUICK), { startImmediately: true })
          yield* advance(FAR)
          yield* callMany(pool, 8)
          yield* turn
          yield* advance(FAR)
          for (let time = 0; time < 20; time++) {
            yield* call(pool)
            yield* turn
            yield* advance(FAR)
          }
          const before = bySession(scenario, QUICK)
          yield* callMany(pool, 8)
          yield* turn
          const after = bySession(scenario, QUICK)
          assert.deepStrictEqual(Object.keys(after).length, Object.keys(before).length)
          yield* advance(FAR)
        })
    )
  )
})
