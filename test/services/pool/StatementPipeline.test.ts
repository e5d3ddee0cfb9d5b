import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { serverError } from "../../../src/testing/ScriptedSessions.ts"
import { type Scenario, withPool } from "./PoolScenario.ts"
import { HeldResults, call, callMany, makeQuick, advance, pipelined, QUICK, turn } from "./PipelinedPool.ts"

/** Statements run so far on each session. */
const bySession = ({ server }: Scenario) => {
  const counts: Record<number, number> = {}
  for (const { sessionId, sql } of server.statements) {
    if (sql === QUICK) counts[sessionId] = (counts[sessionId] ?? 0) + 1
  }
  return counts
}

describe("statements that share sessions", () => {
  it.effect("run alone the first time, and share when they are known to be quick", () => {
    const answers = new HeldResults()
    return withPool({ statements: answers.statements }, { pool: { pipeline: 4, max: 3 } }, (scenario) =>
      Effect.gen(function* () {
        const { pool } = scenario
        answers.isHeld = true
        yield* callMany(pool, 3)
        yield* turn
        assert.deepStrictEqual(bySession(scenario), { 1: 1, 2: 1, 3: 1 })
        yield* answers.answer(3)
        yield* callMany(pool, 3)
        yield* turn
        assert.deepStrictEqual(Object.values(bySession(scenario)).toSorted(), [1, 1, 4])
        yield* answers.answer(3)
      })
    )
  })

  it.effect("are at most as many on a session as the setting allows, and the others wait", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        const callers = yield* callMany(pool, 10)
        yield* advance(1)
        assert.deepStrictEqual(bySession(scenario), { 1: 1 + 4, 2: 4 })
        assert.strictEqual((yield* pool.snapshot).waiting, 2)
        // One result makes no room: the session is used again when all have arrived.
        yield* answers.answer(3)
        assert.strictEqual((yield* pool.snapshot).waiting, 2)
        yield* answers.answer(1)
        assert.strictEqual((yield* pool.snapshot).waiting, 0)
        yield* answers.answer(6)
        assert.isTrue(callers.every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("are up to 32 on a session where an effect enables sharing and the settings do not", () =>
    pipelined({ max: 2, pipeline: 0 }, (scenario) =>
      Effect.gen(function* () {
        for (let caller = 0; caller < 33; caller++) yield* call(scenario.pool, QUICK, { isShared: true })
        yield* advance(1)
        assert.deepStrictEqual(bySession(scenario), { 1: 1 + 32, 2: 1 })
        yield* scenario.answers.answer(33)
      })
    )
  )

  it.effect("do not share where an effect disables it, whatever the settings are", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        for (let caller = 0; caller < 3; caller++) yield* call(scenario.pool, QUICK, { isShared: false })
        yield* advance(1)
        assert.deepStrictEqual(bySession(scenario), { 1: 1 + 1, 2: 1, 3: 1 })
        yield* scenario.answers.answer(3)
      })
    )
  )

  it.effect("run alone when they have become slow, and share again when they are quick", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        for (let run = 0; run < 3; run++) {
          yield* call(pool)
          yield* turn
          yield* advance(1000)
          yield* answers.answer(1)
        }
        yield* callMany(pool, 2)
        yield* advance(1)
        assert.deepStrictEqual(bySession(scenario)[2], 1)
        for (let run = 0; run < 4; run++) {
          yield* answers.answer(2)
          yield* callMany(pool, 2)
          yield* turn
        }
        yield* answers.answer(2)
        const before = bySession(scenario)
        yield* callMany(pool, 2)
        yield* turn
        const after = bySession(scenario)
        assert.sameMembers([after[1]! - before[1]!, after[2]! - before[2]!], [0, 2])
        yield* answers.answer(2)
      })
    )
  )

  it.effect("are known to be slow also when their callers are interrupted", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        for (let run = 0; run < 4; run++) {
          const caller = yield* call(pool)
          yield* turn
          yield* advance(1000)
          yield* caller.interrupt
          yield* advance(100)
        }
        yield* answers.answer(answers.size)
        const before = bySession(scenario)
        yield* callMany(pool, 2)
        yield* advance(1)
        const after = bySession(scenario)
        assert.deepStrictEqual([after[1]! - before[1]!, after[2]], [1, 1])
        yield* answers.answer(2)
      })
    )
  )

  it.effect("are timed from the result before them, without the time behind others", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool, server } = scenario
        const other = "select other"
        server.change({ statements: [[other, answers.result], ...(answers.statements as [])] })
        answers.isHeld = false
        yield* makeQuick(pool, other)
        answers.isHeld = true
        for (let run = 0; run < 2; run++) {
          const slow = yield* call(pool)
          const behind = yield* call(pool, other)
          yield* turn
          yield* advance(1000)
          yield* slow.interrupt
          yield* behind.interrupt
          yield* advance(100)
          // The results arrive after the callers were interrupted.
          yield* answers.answer(answers.size)
        }
        const sessionsOf = (sql: string) =>
          Effect.gen(function* () {
            const before = server.statements.length
            yield* callMany(pool, 2, sql)
            yield* advance(1)
            yield* answers.answer(2)
            return new Set(server.statements.slice(before).map(({ sessionId }) => sessionId)).size
          })
        assert.strictEqual(yield* sessionsOf(other), 1)
        assert.strictEqual(yield* sessionsOf(QUICK), 2)
      })
    )
  )

  it.effect("that leave state behind never share", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        const { pool, server } = scenario
        for (const sql of ["set work_mem = '1MB'", "select pg_advisory_lock(1)", "begin", "create temp table t ()"]) {
          for (let run = 0; run < 2; run++) {
            yield* call(pool, sql)
            yield* advance(100)
          }
          const before = server.statements.length
          yield* callMany(pool, 2, sql)
          yield* advance(1)
          const sessions = server.statements.slice(before).map(({ sessionId }) => sessionId)
          assert.strictEqual(new Set(sessions).size, 2, sql)
          yield* advance(100)
        }
      })
    )
  )

  it.effect("never share while they leave state behind that their text does not show", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { pool, server } = scenario
        const sql = "select quietly()"
        server.change({
          statements: [
            [
              sql,
              (_params, { sessionId }) =>
                Effect.delay(
                  Effect.sync(() => {
                    server.session(sessionId).leaveState()
                    return []
                  }),
                  5
                )
            ]
          ]
        })
        yield* call(pool, sql)
        yield* advance(100)
        yield* callMany(pool, 2, sql)
        yield* advance(1)
        const sessions = server.statements.filter((run) => run.sql === sql).map(({ sessionId }) => sessionId)
        assert.strictEqual(new Set(sessions.slice(1)).size, 2)
        yield* advance(100)
      })
    )
  )

  it.effect("fail independently", () =>
    pipelined({}, ({ answers, pool }) =>
      Effect.gen(function* () {
        const callers = yield* callMany(pool, 3)
        yield* turn
        yield* answers.answer(1)
        yield* answers.answer(1, serverError("22012", "division by zero"))
        yield* answers.answer(1)
        assert.deepStrictEqual(
          callers.map((caller) => caller.exit()?._tag),
          ["Success", "Failure", "Success"]
        )
        assert.strictEqual(callers[1]?.reason(), "StatementFailed")
      })
    )
  )
})
