import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { refusal } from "../../../src/testing/ScriptedSessions.ts"
import { hold, ofTag } from "./PoolScenario.ts"
import { call, callMany, advance, pipelined, QUICK, turn } from "./PipelinedPool.ts"

describe("statements that wait for a shared session", () => {
  it.effect("are counted and timed once each, and their session is held by several callers", () =>
    pipelined({}, ({ answers, pool }) =>
      Effect.gen(function* () {
        const before = (yield* pool.snapshot).counters.acquired
        const times = yield* pool.times
        const [waits, uses] = [times.waitTime.count, times.useTime.count]
        yield* callMany(pool, 6)
        yield* turn
        const [entry] = yield* pool.sessions
        assert.strictEqual(entry?.holder, "several callers")
        assert.strictEqual(entry?.statement, QUICK)
        yield* answers.answer(6)
        yield* answers.answer(2)
        const after = (yield* pool.snapshot).counters.acquired
        assert.strictEqual(after.immediate - before.immediate, 4)
        assert.strictEqual(after.waited - before.waited, 2)
        assert.strictEqual(times.waitTime.count - waits, 6)
        assert.strictEqual(times.useTime.count - uses, 6)
      })
    )
  )

  it.effect("and callers with exclusive sessions are served in first-in, first-out order", () =>
    pipelined({ pipeline: 2 }, (scenario) =>
      Effect.gen(function* () {
        const { answers, pool } = scenario
        const first = yield* hold(pool)
        const shared = yield* callMany(pool, 4)
        yield* turn
        const holder = yield* hold(pool)
        const late = yield* callMany(pool, 2)
        yield* turn
        assert.strictEqual((yield* pool.snapshot).waiting, 7)
        yield* first.release
        yield* answers.answer(2)
        assert.isUndefined(holder.lease())
        yield* answers.answer(2)
        assert.isTrue(shared.every((caller) => caller.exit()?._tag === "Success"))
        assert.isDefined(holder.lease())
        assert.strictEqual(answers.size, 0)
        yield* holder.release
        yield* turn
        yield* answers.answer(2)
        assert.isTrue(late.every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("fail once each with their own acquire timeout, and are counted one by one", () =>
    pipelined({ acquireTimeout: 1000 }, ({ answers, pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const early = yield* callMany(pool, 5)
        yield* turn
        yield* advance(400)
        const late = yield* callMany(pool, 5)
        yield* turn
        yield* advance(599)
        assert.isTrue(early.every((caller) => caller.exit() === undefined))
        yield* advance(2)
        assert.isTrue(early.every((caller) => caller.reason() === "AcquireTimeout"))
        assert.isTrue(late.every((caller) => caller.exit() === undefined))
        const { counters, waiting } = yield* pool.snapshot
        assert.strictEqual(counters.acquired.timeout, 5)
        assert.strictEqual(waiting, 5)
        const exit = early[0]?.exit()
        assert.include(String(exit?._tag === "Failure" && exit.cause), "1.0 s")
        yield* holder.release
        yield* turn
        yield* answers.answer(4)
        yield* answers.answer(1)
        assert.isTrue(late.every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect("keep their deadlines when the first one is interrupted", () =>
    pipelined({ acquireTimeout: 1000 }, ({ answers, pool }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const first = yield* call(pool)
        yield* turn
        yield* advance(500)
        const second = yield* call(pool)
        yield* turn
        const later = yield* hold(pool)
        yield* first.interrupt
        yield* advance(700)
        assert.isUndefined(second.exit())
        // It has kept its position before the other caller, too.
        yield* holder.release
        yield* turn
        assert.isUndefined(later.lease())
        yield* answers.answer(1)
        assert.strictEqual(second.exit()?._tag, "Success")
        assert.isDefined(later.lease())
        yield* later.release
      })
    )
  )

  it.effect("leave the queue when all of them are interrupted", () =>
    pipelined({}, ({ pool, server }) =>
      Effect.gen(function* () {
        const holder = yield* hold(pool)
        const callers = yield* callMany(pool, 9)
        yield* turn
        assert.strictEqual((yield* pool.snapshot).waiting, 9)
        assert.strictEqual((yield* pool.waiters).length, 3)
        for (const caller of callers) yield* caller.interrupt
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

  it.effect("are rejected beyond the limit of the queue, each counted, and the limit counts callers", () =>
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
        yield* answers.answer(4)
        yield* answers.answer(2)
        assert.isTrue([...admitted, sixth].every((caller) => caller.exit()?._tag === "Success"))
      })
    )
  )

  it.effect(
    "that were accepted before the queue filled up are answered although no further shared session can queue",
    () =>
      pipelined({ maxWaiting: 6, pipeline: 2 }, ({ answers, pool }) =>
        Effect.gen(function* () {
          const holder = yield* hold(pool)
          const first = yield* callMany(pool, 2)
          yield* turn
          // In one turn: two statements that need a second shared session, and callers that fill the queue meanwhile.
          const second = yield* callMany(pool, 2)
          const holders = yield* Effect.forEach(Array.from({ length: 5 }), () => hold(pool))
          yield* turn
          yield* holder.release
          yield* turn
          yield* answers.answer(2)
          for (const holder of holders) yield* holder.release
          yield* turn
          yield* answers.answer(answers.size)
          assert.isTrue([...first, ...second].every((caller) => caller.exit()?._tag === "Success"))
        })
      )
  )

  it.effect("are rejected by a draining pool, once each, while those in flight finish", () =>
    pipelined({}, ({ answers, events, pool }) =>
      Effect.gen(function* () {
        const running = yield* callMany(pool, 4)
        yield* turn
        const waiting = yield* callMany(pool, 3)
        yield* turn
        const gathered = yield* callMany(pool, 2)
        yield* Effect.forkDetach(pool.drain, { startImmediately: true })
        yield* turn
        assert.isTrue([...waiting, ...gathered].every((caller) => caller.reason() === "PoolClosed"))
        assert.strictEqual(ofTag(events, "Draining")[0]?.waiting, 5)
        const after = yield* call(pool)
        yield* turn
        assert.strictEqual(after.reason(), "PoolClosed")
        assert.strictEqual((yield* pool.snapshot).counters.acquired.closed, 6)
        yield* answers.answer(4)
        assert.isTrue(running.every((caller) => caller.exit()?._tag === "Success"))
        yield* advance(10)
        assert.strictEqual((yield* pool.snapshot).phase, "closed")
      })
    )
  )

  it.effect("all fail once with a permanent dial error", () =>
    pipelined({}, ({ pool, server }) =>
      Effect.gen(function* () {
        const [before] = [(yield* pool.snapshot).counters.acquired.failed]
        server.change({ dials: { _tag: "Fails", afterMillis: 10, error: refusal("configuration") } })
        server.session(1).lose()
        yield* advance(1)
        const callers = yield* callMany(pool, 6)
        yield* turn
        yield* advance(5000)
        assert.isTrue(callers.every((caller) => caller.reason() === "ConnectFailed"))
        assert.strictEqual((yield* pool.snapshot).counters.acquired.failed - before, 6)
      })
    )
  )
})
