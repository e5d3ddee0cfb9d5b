import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Script } from "../../../src/testing/ScriptedSessions.ts"
import type { SettingsInput } from "../../../src/services/SessionConfig.ts"
import { refusal, serverError } from "../../../src/testing/ScriptedSessions.ts"
import { hold, type Scenario, withPool } from "../PoolScenario.ts"
import { Answers, call, callMany, learn, pass, QUICK, turn } from "./PipelinedPool.ts"

/** A pool with one idle session, whose quick statement is known as such and waits for its answer from now on. */
const pipelined = (
  pool: SettingsInput["pool"],
  body: (scenario: Scenario & { readonly answers: Answers }) => Effect.Effect<void, unknown>,
  script: Omit<Script, "statements"> = {}
) => {
  const answers = new Answers()
  return withPool(
    { statements: answers.statements, ...script },
    { pool: { pipeline: 4, max: 1, ...pool } },
    (scenario) =>
      Effect.gen(function* () {
        yield* learn(scenario.pool, QUICK)
        answers.isHeld = true
        yield* body({ ...scenario, answers })
        answers.isHeld = false
        yield* answers.give(answers.size)
        const { used, waiting } = yield* scenario.pool.snapshot
        assert.deepStrictEqual({ used, waiting }, { used: 0, waiting: 0 })
      })
  )
}

/** How many of the statements asked so far went to each session. */
const bySession = ({ server }: Scenario) => {
  const counts: Record<number, number> = {}
  for (const { sessionId, sql } of server.statements) {
    if (sql === QUICK) counts[sessionId] = (counts[sessionId] ?? 0) + 1
  }
  return counts
}

describe("statements that share sessions", () => {
  it.effect("run alone the first time, and share once they are known to be quick", () => {
    const answers = new Answers()
    return withPool({ statements: answers.statements }, { pool: { pipeline: 4, max: 3 } }, (scenario) =>
      Effect.gen(function* () {
        const { pool } = scenario
        answers.isHeld = true
        yield* callMany(pool, 3)
        yield* turn
        assert.deepStrictEqual(bySession(scenario), { 1: 1, 2: 1, 3: 1 })
        yield* answers.give(3)
        yield* callMany(pool, 3)
        yield* turn
        assert.deepStrictEqual(Object.values(bySession(scenario)).toSorted(), [1, 1, 4])
        yield* answers.give(3)
      })
    )
  })

  it.effect("are at most as many on a session as the setting says, and the rest waits its turn", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        const callers = yield* callMany(pool, 10)
        yield* pass(1)
        assert.deepStrictEqual(bySession(scenario), { 1: 1 + 4, 2: 4 })
        assert.strictEqual((yield* pool.snapshot).waiting, 2)
        // One answer makes no room: a session is lent anew when all are answered.
        yield* answers.give(3)
        assert.strictEqual((yield* pool.snapshot).waiting, 2)
        yield* answers.give(1)
        assert.strictEqual((yield* pool.snapshot).waiting, 0)
        yield* answers.give(6)
        assert.isTrue(callers.every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("are 32 on a session where an effect wants it and the settings name no number", () =>
    pipelined({ max: 2, pipeline: 0 }, (scenario) =>
      Effect.gen(function* () {
        for (let caller = 0; caller < 33; caller++) yield* call(scenario.pool, QUICK, { isShared: true })
        yield* pass(1)
        assert.deepStrictEqual(bySession(scenario), { 1: 1 + 32, 2: 1 })
        yield* scenario.answers.give(33)
      })
    )
  )

  it.effect("stay apart where an effect wants it, whatever the settings say", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        for (let caller = 0; caller < 3; caller++) yield* call(scenario.pool, QUICK, { isShared: false })
        yield* pass(1)
        assert.deepStrictEqual(bySession(scenario), { 1: 1 + 1, 2: 1, 3: 1 })
        yield* scenario.answers.give(3)
      })
    )
  )

  it.effect("run alone when they have turned out slow, and share again when they are quick", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        for (let run = 0; run < 3; run++) {
          yield* call(pool)
          yield* turn
          yield* pass(1000)
          yield* answers.give(1)
        }
        yield* callMany(pool, 2)
        yield* pass(1)
        assert.deepStrictEqual(bySession(scenario)[2], 1)
        for (let run = 0; run < 4; run++) {
          yield* answers.give(2)
          yield* callMany(pool, 2)
          yield* turn
        }
        yield* answers.give(2)
        const before = bySession(scenario)
        yield* callMany(pool, 2)
        yield* turn
        const after = bySession(scenario)
        assert.sameMembers([after[1]! - before[1]!, after[2]! - before[2]!], [0, 2])
        yield* answers.give(2)
      })
    )
  )

  it.effect("are known to be slow also when nobody waits for them to the end", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        for (let run = 0; run < 4; run++) {
          const caller = yield* call(pool)
          yield* turn
          yield* pass(1000)
          yield* caller.leave
          yield* pass(100)
        }
        yield* answers.give(answers.size)
        const before = bySession(scenario)
        yield* callMany(pool, 2)
        yield* pass(1)
        const after = bySession(scenario)
        assert.deepStrictEqual([after[1]! - before[1]!, after[2]], [1, 1])
        yield* answers.give(2)
      })
    )
  )

  it.effect("are blamed for the time the server had them, not for the time they spent behind others", () =>
    pipelined({ max: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool, server } = scenario
        const other = "select other"
        server.change({ statements: [[other, answers.answer], ...(answers.statements as [])] })
        answers.isHeld = false
        yield* learn(pool, other)
        answers.isHeld = true
        for (let run = 0; run < 2; run++) {
          const slow = yield* call(pool)
          const behind = yield* call(pool, other)
          yield* turn
          yield* pass(1000)
          yield* slow.leave
          yield* behind.leave
          yield* pass(100)
          // The slow one is answered for nobody, then nobody asks for the other.
          yield* answers.give(answers.size)
        }
        const sessionsOf = (sql: string) =>
          Effect.gen(function* () {
            const before = server.statements.length
            yield* callMany(pool, 2, sql)
            yield* pass(1)
            yield* answers.give(2)
            return new Set(server.statements.slice(before).map(({ sessionId }) => sessionId)).size
          })
        assert.strictEqual(yield* sessionsOf(other), 1)
        assert.strictEqual(yield* sessionsOf(QUICK), 2)
      })
    )
  )

  it.effect("that leave something behind never share", () =>
    pipelined({ max: 3 }, (scenario) =>
      Effect.gen(function* () {
        const { pool, server } = scenario
        for (const sql of ["set work_mem = '1MB'", "select pg_advisory_lock(1)", "begin", "create temp table t ()"]) {
          for (let run = 0; run < 2; run++) {
            yield* call(pool, sql)
            yield* pass(100)
          }
          const before = server.statements.length
          yield* callMany(pool, 2, sql)
          yield* pass(1)
          const sessions = server.statements.slice(before).map(({ sessionId }) => sessionId)
          assert.strictEqual(new Set(sessions).size, 2, sql)
          yield* pass(100)
        }
      })
    )
  )

  it.effect("never learn to share while what they do leaves something behind that their text does not show", () =>
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
                    server.session(sessionId).soil()
                    return []
                  }),
                  5
                )
            ]
          ]
        })
        yield* call(pool, sql)
        yield* pass(100)
        yield* callMany(pool, 2, sql)
        yield* pass(1)
        const sessions = server.statements.filter((run) => run.sql === sql).map(({ sessionId }) => sessionId)
        assert.strictEqual(new Set(sessions.slice(1)).size, 2)
        yield* pass(100)
      })
    )
  )

  it.effect("fail each for itself", () =>
    pipelined({}, ({ answers, pool }) =>
      Effect.gen(function* () {
        const callers = yield* callMany(pool, 3)
        yield* turn
        yield* answers.give(1)
        yield* answers.give(1, serverError("22012", "division by zero"))
        yield* answers.give(1)
        assert.deepStrictEqual(
          callers.map((caller) => caller.exit()?._tag),
          ["Success", "Failure", "Success"]
        )
        assert.strictEqual(callers[1]?.reason(), "StatementFailed")
      })
    )
  )

  it.effect("are counted and timed once each, and their session is held by several callers", () =>
    pipelined({}, ({ answers, pool }) =>
      Effect.gen(function* () {
        const before = (yield* pool.snapshot).counters.acquired
        const times = yield* pool.times
        const [waits, uses] = [times.waitTime.count, times.useTime.count]
        yield* callMany(pool, 6)
        yield* turn
        const [entry] = yield* pool.ledger
        assert.strictEqual(entry?.holder, "several callers")
        assert.strictEqual(entry?.statement, QUICK)
        yield* answers.give(6)
        yield* answers.give(2)
        const after = (yield* pool.snapshot).counters.acquired
        assert.strictEqual(after.immediate - before.immediate, 4)
        assert.strictEqual(after.waited - before.waited, 2)
        assert.strictEqual(times.waitTime.count - waits, 6)
        assert.strictEqual(times.useTime.count - uses, 6)
      })
    )
  )

  it.effect("take turns with borrowers of whole sessions in the order they came, and neither side starves", () =>
    pipelined({ pipeline: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        const first = yield* hold(pool)
        const shared = yield* callMany(pool, 4)
        yield* turn
        const borrower = yield* hold(pool)
        const late = yield* callMany(pool, 2)
        yield* turn
        assert.strictEqual((yield* pool.snapshot).waiting, 7)
        yield* first.release
        yield* answers.give(2)
        assert.isUndefined(borrower.lease())
        yield* answers.give(2)
        assert.isTrue(shared.every((caller) => caller.exit()?._tag === "Success"))
        assert.isDefined(borrower.lease())
        assert.strictEqual(answers.size, 0)
        yield* borrower.release
        yield* turn
        yield* answers.give(2)
        assert.isTrue(late.every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("end with the acquire timeout of each, once, and are counted one by one", () =>
    pipelined({ acquireTimeout: 1000 }, ({ answers, pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const early = yield* callMany(pool, 5)
        yield* turn
        yield* pass(400)
        const late = yield* callMany(pool, 5)
        yield* turn
        yield* pass(599)
        assert.isTrue(early.every((caller) => caller.exit() === undefined))
        yield* pass(2)
        assert.isTrue(early.every((caller) => caller.reason() === "AcquireTimeout"))
        assert.isTrue(late.every((caller) => caller.exit() === undefined))
        const { counters, waiting } = yield* pool.snapshot
        assert.strictEqual(counters.acquired.timeout, 5)
        assert.strictEqual(waiting, 5)
        const exit = early[0]?.exit()
        assert.include(String(exit?._tag === "Failure" && exit.cause), "1.0 s")
        yield* holder.release
        yield* turn
        yield* answers.give(4)
        yield* answers.give(1)
        assert.isTrue(late.every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("keep their time when who came first leaves", () =>
    pipelined({ acquireTimeout: 1000 }, ({ answers, pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const first = yield* call(pool)
        yield* turn
        yield* pass(500)
        const second = yield* call(pool)
        yield* turn
        const borrower = yield* hold(pool)
        yield* first.leave
        yield* pass(700)
        assert.isUndefined(second.exit())
        // It has kept its place before the borrower, too.
        yield* holder.release
        yield* turn
        assert.isUndefined(borrower.lease())
        yield* answers.give(1)
        assert.strictEqual(second.exit()?._tag, "Success")
        assert.isDefined(borrower.lease())
        yield* borrower.release
      })
    )
  )

  it.effect("leave no place in the queue when all who waited have left", () =>
    pipelined({}, ({ pool, server }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const callers = yield* callMany(pool, 9)
        yield* turn
        assert.strictEqual((yield* pool.snapshot).waiting, 9)
        assert.strictEqual((yield* pool.waiters).length, 3)
        for (const caller of callers) yield* caller.leave
        const { counters, waiting } = yield* pool.snapshot
        assert.strictEqual(waiting, 0)
        assert.strictEqual((yield* pool.waiters).length, 0)
        assert.strictEqual(counters.acquired.abandoned, 9)
        const before = server.statements.length
        yield* holder.release
        yield* turn
        assert.strictEqual(server.statements.length, before)
      })
    )
  )

  it.effect("are refused beyond the cap of the queue, each counted, and the cap counts callers", () =>
    pipelined({ maxWaiting: 6 }, ({ answers, pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const admitted = yield* callMany(pool, 5)
        yield* turn
        const sixth = yield* call(pool)
        const refused = yield* callMany(pool, 2)
        yield* turn
        assert.isTrue(refused.every((caller) => caller.reason() === "QueueFull"))
        assert.isUndefined(sixth.exit())
        assert.strictEqual((yield* pool.snapshot).counters.acquired["queue-full"], 2)
        yield* holder.release
        yield* turn
        yield* answers.give(4)
        yield* answers.give(2)
        assert.isTrue([...admitted, sixth].every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("that were let in before the queue filled up are answered although no further lane finds room in it", () =>
    pipelined({ maxWaiting: 6, pipeline: 2 }, ({ answers, pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const first = yield* callMany(pool, 2)
        yield* turn
        // One turn: two statements that need a second lane, and borrowers that take the places meanwhile.
        const second = yield* callMany(pool, 2)
        const borrowers = yield* Effect.forEach(Array.from({ length: 5 }), () => hold(pool))
        yield* turn
        yield* holder.release
        yield* turn
        yield* answers.give(2)
        for (const borrower of borrowers) yield* borrower.release
        yield* turn
        yield* answers.give(answers.size)
        assert.isTrue([...first, ...second].every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("are refused by a pool that drains, each once, while those on their way finish", () =>
    pipelined({}, ({ answers, pool }) =>
      Effect.gen(function* () {
        const running = yield* callMany(pool, 4)
        yield* turn
        const waiting = yield* callMany(pool, 3)
        yield* turn
        const gathered = yield* callMany(pool, 2)
        yield* Effect.forkDetach(pool.drain, { startImmediately: true })
        yield* turn
        assert.isTrue([...waiting, ...gathered].every((caller) => caller.reason() === "PoolClosed"))
        const after = yield* call(pool)
        yield* turn
        assert.strictEqual(after.reason(), "PoolClosed")
        assert.strictEqual((yield* pool.snapshot).counters.acquired.closed, 6)
        yield* answers.give(4)
        assert.isTrue(running.every((caller) => caller.exit()?._tag === "Success"))
        yield* pass(10)
        assert.strictEqual((yield* pool.snapshot).phase, "closed")
      })
    )
  )

  it.effect("all hear of a dial that fails for good, once", () =>
    pipelined({}, ({ pool, server }) =>
      Effect.gen(function* () {
        const [before] = [(yield* pool.snapshot).counters.acquired.failed]
        server.change({ dials: { _tag: "Fails", afterMillis: 10, error: refusal("configuration") } })
        server.session(1).lose()
        yield* pass(1)
        const callers = yield* callMany(pool, 6)
        yield* turn
        yield* pass(5000)
        assert.isTrue(callers.every((caller) => caller.reason() === "ConnectFailed"))
        assert.strictEqual((yield* pool.snapshot).counters.acquired.failed - before, 6)
      })
    )
  )
})
